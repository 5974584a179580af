import { explainExit } from '../explain-exit.js';
import { fromHub } from '../hub-signs.js';
import type { Failure, TrainerExit } from '../trainer.js';

interface Sign {
  pattern: RegExp;
  /** `match` is the match in the line that showed the sign. */
  explain(match: RegExpExecArray): Failure;
}

const LESS_MEMORY =
  'Lower the batch size and raise gradientAccumulation, lower the resolution, or set meta.lowVram or meta.quantize.';

/** What the trainer says before it ends, the most telling first (ostris/ai-toolkit 27a03a91, and runs of it). */
const SIGNS: readonly Sign[] = [
  {
    pattern: /OOM during training step (\d+) times in a row/,
    explain: ([, times]) => ({
      code: 'trainer_out_of_memory',
      error: `The GPU ran out of memory in more than ${times} steps in a row.`,
      hint: LESS_MEMORY,
    }),
  },
  {
    pattern: /(?:OutOfMemoryError|CUDA out of memory|CUDA error: out of memory|DefaultCPUAllocator: can't allocate).*/,
    explain: ([line]) => ({ code: 'trainer_out_of_memory', error: line.slice(0, 300), hint: LESS_MEMORY }),
  },
  {
    pattern: /no (?:images|videos) found in /,
    explain: () => ({
      code: 'dataset_unreadable',
      error: 'The trainer could open none of the pictures.',
      hint: 'The log names each picture that could not be read.',
    }),
  },
  {
    pattern: /Error while deserializing header|SafetensorError|safetensors_rust\.\w*Error/,
    explain: () => ({
      code: 'trainer_crashed',
      error:
        'A file of weights is cut off or damaged: the base model, or the newest save that the trainer resumed from.',
      hint: 'Check the model file on the worker; a retry goes on from the last complete state.',
    }),
  },
  {
    pattern: /The trainer starts at step (\d+), not at the saved step (\d+)\./,
    explain: ([line]) => ({ code: 'trainer_crashed', error: line, hint: 'The saved state could not be loaded.' }),
  },
  {
    pattern: /(?:LocalEntryNotFoundError|OfflineModeIsEnabled|couldn't connect to '?https?:).*/,
    explain: () => ({
      code: 'model_unavailable',
      error: 'A part of the base model is not on this worker, and it cannot be fetched.',
      hint: 'The operator downloads the whole model and names the folder in models.yaml.',
    }),
  },
  {
    pattern: /ImportError: .*|ModuleNotFoundError: .*/,
    explain: ([line]) => ({
      code: 'trainer_unavailable',
      error: `The environment of the trainer is incomplete: ${line.slice(0, 200)}`,
      hint: 'The operator installs it again: bin/trainers install ai-toolkit.',
    }),
  },
];

/** Why a run of ai-toolkit failed; its exit code of 0 after SIGINT, without a final file, is no success. */
export const explainFailure = (exit: TrainerExit): Failure =>
  explainExit(exit, () => fromHub(exit) ?? fromSigns(exit.tail) ?? fromInterrupt(exit));

const fromSigns = (tail: readonly string[]): Failure | undefined => {
  for (const { pattern, explain } of SIGNS) {
    for (const line of tail.toReversed()) {
      const match = pattern.exec(line);
      if (match) return explain(match);
    }
  }
  return undefined;
};

const fromInterrupt = ({ exitCode, tail }: TrainerExit): Failure | undefined =>
  exitCode === 0 && tail.some((line) => line.trim() === 'Job stopped')
    ? { code: 'trainer_crashed', error: 'The trainer was interrupted and left without saving.' }
    : undefined;
