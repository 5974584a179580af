import type { TrainingSpec } from '@influencerai/shared';
import type { FieldMapping, HostFacts } from './trainer.js';

/** What becomes of fields that are the same for every trainer, since none reads them itself; only where they are set. */
export const mapShared = (spec: TrainingSpec): FieldMapping[] => [...triggerWords(spec), ...onOutOfMemory(spec)];

const triggerWords = ({ kind, dataset }: TrainingSpec): FieldMapping[] => {
  const field = 'dataset.triggerWords';
  const { triggerWords: words } = dataset;
  if (!words || words.length === 0) return [];
  if (kind === 'text') return [{ field, how: 'dropped', reason: 'Rows are learned as they are.' }];
  return [{ field, how: 'exact', to: `captions, in front of those that lack them: ${words.join(', ')}` }];
};

const onOutOfMemory = ({ onOutOfMemory: what, training }: TrainingSpec): FieldMapping[] => {
  const field = 'onOutOfMemory';
  if (what === 'fail') return [];
  if (training.batchSize < 2) return [{ field, how: 'dropped', reason: 'A batch of one cannot be made smaller.' }];
  return [{ field, how: 'exact', to: 'once, from the last state, with half the batch' }];
};

/** Why a batch is not what was asked for on a host with several GPUs for a job, each of which gets one. */
export const ofEachGpu = ({ gpus }: HostFacts): string[] =>
  gpus > 1 ? [`Each of ${gpus} GPUs takes one, so that a step sees ${gpus} times as many examples.`] : [];
