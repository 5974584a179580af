/** One thing that was tried of an installed trainer. */
export interface Check {
  /** `options`: names that plans may use; `configuration`: files that plans write; `run`: training for real. */
  part: 'options' | 'configuration' | 'run';
  name: string;
  outcome: 'passed' | 'failed' | 'skipped';
  seconds?: number;
  /** From an abort or a stop signal to the end of the trainer. */
  stopSeconds?: number;
  /** Why it did not pass. */
  problem?: string;
}

/** What `bin/trainers verify` found; a check that was skipped shows nothing, so all have to pass. */
export interface Verification {
  trainer: string;
  /** Commit of the source, or release. */
  version: string;
  python: string;
  torch: string;
  isVerified: boolean;
  checks: Check[];
}

export const isVerified = (checks: readonly Check[]): boolean =>
  checks.length > 0 && checks.every(({ outcome }) => outcome === 'passed');
