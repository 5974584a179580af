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

/** How programs begin to say why they fail. Prompts and names of files, which trainers log too, are behind other words. */
const FAILURE = /^[\s|]*(?:\[rank\d+\]: *)?(?:[\w.]*(?:Error|Exception)\b|what\(\): |Unable to determine )/;

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
    // CUDA's own words, torch's, and those of tools that look for the GPU. A "device-side assert", an "illegal memory
    // access" and an "unspecified launch failure" are not among them: wrong data does that on any GPU.
    pattern:
      /uncorrectable ECC error|no CUDA-capable device is detected|No CUDA GPUs are available|CUDA (?:driver initialization failed|unknown error)|CUDA driver version is insufficient|CUDA-capable device(?:s are|\(s\) is\/are) busy or unavailable|no kernel image is available|system not yet initialized|unsupported display driver|Unable to determine the device handle|GPU is lost|fallen off the bus/i,
    code: 'trainer_crashed',
    error: 'A GPU of the worker does not work.',
    isOfHost: true,
  },
  {
    // What failed first, on this GPU or another, is said beside it: memory that ran out and wrong data are the job's.
    pattern: /unhandled (?:system|cuda) error|ncclSystemError|ncclUnhandledCudaError/,
    unless: /out of memory|device-side assert|illegal memory access|unspecified launch failure/i,
    code: 'trainer_crashed',
    error: 'The GPUs of the worker cannot reach one another.',
    isOfHost: true,
  },
  {
    // It was free when the job started, and is bound once all has been imported.
    pattern: /EADDRINUSE|address already in use/i,
    code: 'trainer_crashed',
    error: 'Another program of the worker took the port that the processes of the job meet on.',
    isOfHost: true,
  },
  {
    pattern: /DataLoader worker \(pid \d+\) is killed by signal: Bus error/,
    code: 'trainer_crashed',
    error: 'The worker has too little shared memory (/dev/shm) for the processes that read pictures.',
    isOfHost: true,
  },
];

/** Explains a failure that is not the trainer's own. Goes before what the lines of one trainer are known to mean. */
export const fromHost = ({ tail, events }: Pick<TrainerExit, 'tail' | 'events'>): Failure | undefined => {
  const said = events.flatMap((event) => (event.event === 'error' ? event.message : []));
  const all = [...tail, ...said];
  const failures = [...tail.filter((line) => FAILURE.test(line)), ...said];
  const isSeen = ({ pattern, unless, isOfHost }: Sign): boolean =>
    (isOfHost ? failures : all).some((line) => pattern.test(line)) && !all.some((line) => unless?.test(line));
  const sign = SIGNS.find(isSeen);
  return sign && { code: sign.code, error: sign.error, hint: sign.hint, isOfHost: sign.isOfHost };
};
