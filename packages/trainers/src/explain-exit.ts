import { AppError, ERROR_CODES, type ErrorCode } from '@influencerai/shared';
import { fromHost } from './host-signs.js';
import type { Failure, TrainerExit } from './trainer.js';

const OUT_OF_MEMORY = /out of memory|heap limit|ENOMEM|Cannot allocate memory|bad_alloc/i;
const ERROR_LINE = /^\s*(?:[\w.]*(?:Error|Exception)\b.*|error: .*)$/;
/** A launcher repeats the whole command, or a table, after the traceback of the process that failed. */
const OF_LAUNCHER = /CalledProcessError|ChildFailedError/;

/**
 * Explains an exit: from the trainer's own `error` event, by what its host did to it, by what `ofTrainer` knows its lines
 * to mean, and then as far as any trainer's can be, from its last lines and the signal.
 */
export const explainExit = (
  exit: TrainerExit,
  ofTrainer: (exit: TrainerExit) => Failure | undefined = () => undefined,
): Failure =>
  fromNamedError(exit) ??
  fromHost(exit) ??
  fromErrorEvent(exit) ??
  ofTrainer(exit) ??
  fromTail(exit) ??
  fromSignal(exit) ??
  fromCode(exit);

/** A reason that the service knows is the trainer's own word, whatever else happened. */
const fromNamedError = (exit: TrainerExit): Failure | undefined => {
  const failure = fromErrorEvent(exit);
  return failure?.code === 'trainer_crashed' ? undefined : failure;
};

const fromErrorEvent = ({ events }: TrainerExit): Failure | undefined => {
  const event = events.findLast((candidate) => candidate.event === 'error');
  if (!event) return undefined;
  const code = isErrorCode(event.code) ? event.code : 'trainer_crashed';
  return { code, error: event.message, hint: event.hint };
};

const fromTail = ({ tail }: TrainerExit): Failure | undefined => {
  const line = tail.findLast((candidate) => OUT_OF_MEMORY.test(candidate));
  if (line === undefined) return undefined;
  return {
    code: 'trainer_out_of_memory',
    error: line.trim(),
    hint: 'Lower the batch size, the resolution or the rank.',
  };
};

const fromSignal = ({ signal }: TrainerExit): Failure | undefined => {
  if (signal === null) return undefined;
  const hint = signal === 'SIGKILL' ? 'The operating system kills programs like this when memory runs out.' : undefined;
  return { code: 'trainer_crashed', error: crashed(`signal ${signal}`), hint };
};

const fromCode = ({ exitCode, tail }: TrainerExit): Failure => {
  if (exitCode === 0) return { code: 'trainer_output_missing', error: new AppError('trainer_output_missing').message };
  const line = tail.findLast((candidate) => ERROR_LINE.test(candidate) && !OF_LAUNCHER.test(candidate))?.trim();
  return { code: 'trainer_crashed', error: crashed(line ? `exit code ${exitCode}: ${line}` : `exit code ${exitCode}`) };
};

const crashed = (reason: string): string => new AppError('trainer_crashed', { reason: reason.slice(0, 500) }).message;

const isErrorCode = (code: string): code is ErrorCode => (ERROR_CODES as readonly string[]).includes(code);
