import type { TrainingKind } from './trainer.js';

const PICTURE = /\.(png|jpe?g|webp)$/i;
const CAPTION = /\.txt$/i;
const TEXT = /\.(jsonl|csv|txt)$/i;

/**
 * Which of a dataset's files training reads: pictures with their captions, or files of rows. The same for the API, which
 * hands them out, and for a worker, which compares what it has with them.
 */
export const datasetFiles = (kind: TrainingKind, names: readonly string[]): string[] => {
  if (kind === 'text') return names.filter((name) => TEXT.test(name));
  const pictures = new Set(names.filter((name) => PICTURE.test(name)).map(stem));
  return names.filter((name) => PICTURE.test(name) || (CAPTION.test(name) && pictures.has(stem(name))));
};

const stem = (name: string): string => name.replace(/\.[^./]*$/, '');
