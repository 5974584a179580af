import type { TrainerEvent } from '@influencerai/shared';
import { findDriverStates } from '../driver.js';
import type { SavedState } from '../trainer.js';

/** A checkpoint that TRL wrote itself, on several GPUs. Its `trainer_state.json` comes last (transformers: trainer.py). */
const CHECKPOINT = /^(output\/run\/checkpoint-(\d+))\/trainer_state\.json$/;
const INCOMPLETE = 'checkpoint-is-incomplete.txt';

/** The complete states of a workspace. */
export const findStates = (files: readonly string[]): SavedState[] => [
  ...findDriverStates(files),
  ...checkpointsOf(files),
];

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
    return path && !files.includes(`${path}/${INCOMPLETE}`) ? [{ step: Number(step), path }] : [];
  });
