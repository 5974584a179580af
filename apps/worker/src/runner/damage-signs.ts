import type { TrainerEvent } from '@influencerai/shared';

/** Warnings speak of pickles and zip archives too. */
const ERROR_LINE = /^\s*(?:\[rank\d+\]:\s*)?(?:[\w.]*(?:Error|Exception|BadZipFile)\b|error: )/;

/** How pickle, torch, safetensors, zip and JSON refuse a file, torch a state of other weights, and our own trainer either. */
const DAMAGE = [
  /UnpicklingError|invalid load key|pickle data was truncated/,
  /EOFError|unexpected EOF|unexpected end of /i,
  /BadZipFile|PytorchStreamReader|zip archive/,
  /SafetensorError/,
  /JSONDecodeError/,
  /loading state_dict|loaded state dict|size mismatch/,
  /^resume_/,
];

/**
 * Whether a trainer that ended before its first step says that it could not load a file. Anything else that ends one, such
 * as a GPU that is not ready, may pass, and says nothing against the state.
 */
export const namesDamage = (tail: readonly string[], events: readonly TrainerEvent[]): boolean =>
  [...tail.filter((line) => ERROR_LINE.test(line)), ...events.flatMap(wordsOf)].some((words) =>
    DAMAGE.some((sign) => sign.test(words)),
  );

const wordsOf = (event: TrainerEvent): string[] => (event.event === 'error' ? [event.code, event.message] : []);
