import type { ErrorCode } from '@influencerai/shared';
import type { Failure, TrainerExit } from './trainer.js';

interface Sign {
  pattern: RegExp;
  code: ErrorCode;
  error: string;
  hint?: string;
  isOfHost?: true;
}

/** What a host does to any trainer, by the words of those who saw it; the first that matches counts. */
const SIGNS: readonly Sign[] = [
  {
    // torch does not say why it could not write; what is left of a full disk takes many small files and no large one.
    pattern:
      /No space left on device|Disk quota exceeded|database or disk is full|\bENOSPC\b|\bEDQUOT\b|PytorchStreamWriter failed writing file|enforce fail at inline_container\.cc.*unexpected pos/i,
    code: 'trainer_crashed',
    error: 'The disk of the worker is full.',
    isOfHost: true,
  },
  {
    // The launcher of several processes, and torch of the processes that load its data: only the kernel kills them.
    pattern: /failed \(exitcode: -9\)|DataLoader worker \(pid \d+\) is killed by signal: Killed/,
    code: 'trainer_out_of_memory',
    error: 'The host ran out of memory, and its kernel ended a process of the trainer.',
    hint: 'Lower the batch size or the resolution, or use a host with more memory.',
  },
];

/** Explains a failure that is not the trainer's own. Goes before what the lines of one trainer are known to mean. */
export const fromHost = ({ tail, events }: Pick<TrainerExit, 'tail' | 'events'>): Failure | undefined => {
  const said = events.flatMap((event) => (event.event === 'error' ? event.message : []));
  const sign = SIGNS.find(({ pattern }) => [...tail, ...said].some((line) => pattern.test(line)));
  return sign && { code: sign.code, error: sign.error, hint: sign.hint, isOfHost: sign.isOfHost };
};
