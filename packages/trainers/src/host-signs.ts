import type { ErrorCode } from '@influencerai/shared';
import type { Failure, TrainerExit } from './trainer.js';

interface Sign {
  pattern: RegExp;
  code: ErrorCode;
  /** Replaces the line that was found. */
  error?: string;
  hint?: string;
}

/** What a host does to any trainer, by the words of those who saw it; the first that matches counts. */
const SIGNS: readonly Sign[] = [
  {
    // The launcher of several processes, and torch of the processes that load its data: only the kernel kills them.
    pattern: /failed \(exitcode: -9\)|DataLoader worker \(pid \d+\) is killed by signal: Killed/,
    code: 'trainer_out_of_memory',
    error: 'The host ran out of memory, and its kernel ended a process of the trainer.',
    hint: 'Lower the batch size or the resolution, or use a host with more memory.',
  },
];

/** Explains a failure that is not the trainer's own. Goes before what the lines of one trainer are known to mean. */
export const fromHost = ({ tail }: Pick<TrainerExit, 'tail'>): Failure | undefined => {
  for (const { pattern, code, error, hint } of SIGNS) {
    const line = tail.findLast((candidate) => pattern.test(candidate));
    if (line !== undefined) return { code, error: error ?? line.trim().slice(0, 500), hint };
  }
  return undefined;
};
