import type { ErrorCode } from '@influencerai/shared';
import type { Failure, TrainerExit } from './trainer.js';

interface Sign {
  pattern: RegExp;
  /** Says of the whole output that this sign means something else there. */
  unless?: RegExp;
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
  {
    // CUDA's own words, torch's, and those of tools that look for the GPU. A "device-side assert" and an "illegal memory
    // access" are not among them: wrong data does that on any GPU. Behind "CUDA initialization:" it is a warning, which
    // torch prints wherever it looks for a GPU and finds none.
    pattern:
      /uncorrectable ECC error|unspecified launch failure|no CUDA-capable device is detected|No CUDA GPUs are available|(?<!CUDA initialization: )CUDA (?:driver initialization failed|unknown error)|CUDA driver version is insufficient|CUDA-capable device(?:s are|\(s\) is\/are) busy or unavailable|no kernel image is available|system not yet initialized|unsupported display driver|Unable to determine the device handle|GPU is lost|fallen off the bus/i,
    code: 'trainer_crashed',
    error: 'A GPU of the worker does not work.',
    isOfHost: true,
  },
  {
    // The call that failed may be one for memory, which says so beside it, and that is the job's.
    pattern: /unhandled (?:system|cuda) error|ncclSystemError|ncclUnhandledCudaError/,
    unless: /out of memory/i,
    code: 'trainer_crashed',
    error: 'The GPUs of the worker cannot reach one another.',
    isOfHost: true,
  },
];

/** Explains a failure that is not the trainer's own. Goes before what the lines of one trainer are known to mean. */
export const fromHost = ({ tail, events }: Pick<TrainerExit, 'tail' | 'events'>): Failure | undefined => {
  const said = events.flatMap((event) => (event.event === 'error' ? event.message : []));
  const lines = [...tail, ...said];
  const has = (pattern: RegExp): boolean => lines.some((line) => pattern.test(line));
  const sign = SIGNS.find(({ pattern, unless }) => has(pattern) && !(unless && has(unless)));
  return sign && { code: sign.code, error: sign.error, hint: sign.hint, isOfHost: sign.isOfHost };
};
