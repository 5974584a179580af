import { findDriverStates } from '../driver.js';
import type { Plan, SavedState } from '../trainer.js';

/** Runs without our step gate name files by epochs only; the folder says how many steps an epoch and the job have. */
export const undrivenDir = ({ perEpoch, total }: Plan['steps']): string => `output/epochs-of-${perEpoch}-to-${total}`;

// kohya writes the random states last, so with them the state is complete. Epochs are counted on after a resume.
const UNDRIVEN = /^(output\/epochs-of-(\d+)-to-\d+\/[^/]+-(\d{6})-state)\/random_states_0\.pkl$/;

export interface UndrivenState extends SavedState {
  epoch: number;
  /** The file that was written last. */
  mark: string;
}

/** The complete states that kohya wrote by itself. */
export const findUndrivenStates = (files: readonly string[]): UndrivenState[] =>
  files.flatMap((mark) => {
    const [, path, perEpoch, epoch] = UNDRIVEN.exec(mark) ?? [];
    return path ? [{ step: Number(perEpoch) * Number(epoch), epoch: Number(epoch), path, mark }] : [];
  });

/** The complete states of a kohya workspace. */
export const findStates = (files: readonly string[]): SavedState[] => [
  ...findDriverStates(files),
  ...findUndrivenStates(files).map(({ step, path }) => ({ step, path })),
];
