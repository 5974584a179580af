import { findDriverStates } from '../driver.js';
import { z } from 'zod';
import type { SavedState } from '../trainer.js';

/** A checkpoint that TRL wrote and no driver has taken yet. Its `trainer_state.json` comes last (transformers: trainer.py). */
const CHECKPOINT = /^(output\/run\/checkpoint-(\d+))\/trainer_state\.json$/;
const MarkSchema = z.object({ global_step: z.int() });
const INCOMPLETE = 'checkpoint-is-incomplete.txt';

/** The complete states of a workspace. */
export const findStates = (files: readonly string[]): SavedState[] => [
  ...findDriverStates(files),
  ...checkpointsOf(files),
];

/** A crash may leave the file that comes last cut off, or copied from an older checkpoint. */
export const isWhole = (mark: string, { step }: SavedState): boolean => {
  try {
    return MarkSchema.parse(JSON.parse(mark)).global_step === step;
  } catch {
    // Whatever it is, it is no mark.
    return false;
  }
};

const checkpointsOf = (files: readonly string[]): SavedState[] =>
  files.flatMap((file) => {
    const [, path, step] = CHECKPOINT.exec(file) ?? [];
    return path && !files.includes(`${path}/${INCOMPLETE}`) ? [{ step: Number(step), path, mark: file }] : [];
  });
