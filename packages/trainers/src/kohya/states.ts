import { findDriverStates } from '../driver.js';
import type { Plan, SavedState } from '../trainer.js';

/** Runs without our step gate name files by epochs only; the folder says how many steps an epoch and the job have. */
export const undrivenDir = ({ perEpoch, total }: Plan['steps']): string => `output/epochs-of-${perEpoch}-to-${total}`;

// kohya writes the random states last, so with them the state is complete. Epochs are counted on after a resume.
const UNDRIVEN = /^(output\/epochs-of-(\d+)-to-\d+\/[^/]+-(\d{6})-state)\/random_states_0\.pkl$/;

/** The complete states of a kohya workspace. */
export const findStates = (files: readonly string[]): SavedState[] => [
  ...findDriverStates(files),
  ...files.flatMap((file) => {
    const [, path, perEpoch, epoch] = UNDRIVEN.exec(file) ?? [];
    return path ? [{ step: Number(perEpoch) * Number(epoch), path }] : [];
  }),
];
