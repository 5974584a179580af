import type { TrainingSpec } from '@influencerai/shared';
import type { FieldMapping, HostFacts } from './trainer.js';

/** What a job trains in on these GPUs where it leaves that open, and the trainer scales gradients for fp16. */
export const openPrecision = ({ hasBf16 }: HostFacts): 'bf16' | 'fp16' => (hasBf16 === false ? 'fp16' : 'bf16');

interface Precision {
  host: HostFacts;
  /** What the trainer calls it. */
  option: string;
  /** As the trainer gets it, and as the job asks for it. */
  used: string;
  asked: string | undefined;
}

/** What becomes of a precision on GPUs without bf16, which torch has them emulate; only there. */
export const withoutBf16 = ({ host, option, used, asked = 'auto' }: Precision): FieldMapping[] => {
  if (host.hasBf16 !== false || (used !== 'bf16' && asked !== 'auto')) return [];
  const reason =
    used === 'bf16' ? 'The GPU has no bf16 and emulates it, which is slow.' : 'The GPU has no bf16, the usual choice.';
  return [{ field: 'host.gpus', how: 'approximated', to: `${option}=${used}`, reason }];
};

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
