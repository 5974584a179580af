import type { TrainerEvent } from '@influencerai/shared';
import { findDriverStates } from '../driver.js';
import { z } from 'zod';
import type { SavedState } from '../trainer.js';

/** A checkpoint that TRL wrote itself, on several GPUs. Its `trainer_state.json` comes last (transformers: trainer.py). */
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

/** Weights of a run on several GPUs, whose output does not announce them. */
export const collect = (files: readonly string[]): TrainerEvent[] =>
  checkpointsOf(files).flatMap(({ step, path }) => {
    const weights = ['adapter_model.safetensors', 'model.safetensors'].find((name) =>
      files.includes(`${path}/${name}`),
    );
    if (!weights) return [];
    const name = `checkpoint-step${String(step).padStart(8, '0')}.safetensors`;
    return [
      {
        event: 'checkpoint' as const,
        step,
        epoch: 0,
        path: `${path}/${weights}`,
        statePath: path,
        isFinal: false,
        name,
      },
    ];
  });

const checkpointsOf = (files: readonly string[]): SavedState[] =>
  files.flatMap((file) => {
    const [, path, step] = CHECKPOINT.exec(file) ?? [];
    return path && !files.includes(`${path}/${INCOMPLETE}`) ? [{ step: Number(step), path, mark: file }] : [];
  });
