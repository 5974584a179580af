import type { TrainerEvent } from '@influencerai/shared';

/** What the trainer itself writes: 9 digits for a step, none for the end. The driver's own files lie below `output/`. */
const WEIGHTS = /^training\/job-[A-Za-z0-9-]+\/job-[A-Za-z0-9-]+?(?:_(\d{9}))?(_high_noise|_low_noise)?\.safetensors$/;
const SAMPLE = /^training\/job-[A-Za-z0-9-]+\/samples\/\d+__(\d{9})_\d+\.(?:jpg|png|webp)$/;

/** Weights and samples of a run without the driver, whose output does not announce them. */
export const collect = (files: readonly string[]): TrainerEvent[] =>
  files.some((file) => file.startsWith('output/')) ? [] : [...checkpointsOf(files), ...samplesOf(files)];

/** Checkpoints among files; the second part of a model of two stages goes along with the first. */
const checkpointsOf = (files: readonly string[]): TrainerEvent[] =>
  files.flatMap((path) => {
    const [match, digits, stage] = WEIGHTS.exec(path) ?? [];
    if (!match || stage === '_low_noise') return [];
    const companion = path.replace('_high_noise', '_low_noise');
    const companions = companion !== path && files.includes(companion) ? [companion] : undefined;
    // A save of the loop is named one step early: it is written before the step is counted.
    const step = digits === undefined ? 0 : Number(digits) + 1;
    return [{ event: 'checkpoint' as const, step, epoch: 0, path, isFinal: digits === undefined, companions }];
  });

const samplesOf = (files: readonly string[]): TrainerEvent[] =>
  files.flatMap((path) => {
    const digits = SAMPLE.exec(path)?.[1];
    return digits === undefined ? [] : [{ event: 'sample' as const, step: Number(digits), path, prompt: '' }];
  });
