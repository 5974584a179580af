import { AppError, type ErrorCode } from '@influencerai/shared';
import { explainExit } from '../explain-exit.js';
import { fromHub } from '../hub-signs.js';
import type { Failure, TrainerExit } from '../trainer.js';

interface Sign {
  pattern: RegExp;
  code: ErrorCode;
  /** Replaces the line that was found. */
  error?: string;
  hint?: string;
}

/** Last lines of TRL, transformers, datasets and torch, with what they mean; the first that matches counts. */
const SIGNS: readonly Sign[] = [
  {
    pattern:
      /OutOfMemoryError|CUDA (error: )?out of memory|can't allocate memory|alloc_cpu\.cpp|CUBLAS_STATUS_ALLOC_FAILED|MemoryError\b/,
    code: 'trainer_out_of_memory',
    hint: 'Lower batchSize, meta.maxLength or networkDim, set meta.gradientCheckpointing, or take meta.method "qlora".',
  },
  {
    pattern:
      /bitsandbytes.*(requires?|install|not available|not found)|No package metadata.*bitsandbytes|CUDA Setup failed/i,
    code: 'trainer_unavailable',
    error: '8-bit and 4-bit training need bitsandbytes with CUDA, which this worker does not have.',
    hint: 'Take the optimizer AdamW and meta.method "lora", or run `bin/trainers install trl` on the worker.',
  },
  {
    pattern: /doesn't support bf16\/gpu/,
    code: 'spec_unsupported',
    error: 'This GPU has no bf16.',
    hint: 'Set meta.precision to "fp16", with meta.method "lora" in place of "qlora".',
  },
  {
    pattern: /chat_template is not set|does not have a chat template/,
    code: 'model_unavailable',
    error: 'The tokenizer of the base model has no chat template, which rows of messages need.',
    hint: 'Give the model a chatTemplate in models.yaml, or a dataset of prompts and completions.',
  },
  {
    pattern: /Target modules .* not found in the base model/,
    code: 'spec_unsupported',
    hint: 'Name layers of this model in meta.loraTargetModules, or leave it out.',
  },
  {
    pattern:
      /couldn't connect to|is not a local folder and is not a valid model|does not appear to have a file named|Unrecognized model/i,
    code: 'model_unavailable',
    hint: 'Put the model on the host and name its folder in models.yaml.',
  },
  {
    pattern:
      /nothing that TRL learns from|DatasetGenerationError|num_samples=0|KeyError: '(text|prompt|completion|messages)'|An error occurred while generating the dataset/,
    code: 'dataset_unreadable',
    hint: 'No row is left to learn from: look for empty rows, and prompts longer than meta.maxLength.',
  },
];

/** Says why a run of TRL failed: what its driver said, else what its last lines mean. */
export const explainFailure = (exit: TrainerExit): Failure => explainExit(exit, () => fromHub(exit) ?? fromSigns(exit));

const fromSigns = ({ tail }: TrainerExit): Failure | undefined => {
  for (const { pattern, code, error, hint } of SIGNS) {
    const line = tail.findLast((candidate) => pattern.test(candidate));
    if (line !== undefined) return { code, error: error ?? sentence(code, line), hint };
  }
  return undefined;
};

const sentence = (code: ErrorCode, line: string): string => {
  const reason = line.trim().slice(0, 500);
  if (code === 'trainer_out_of_memory') return reason;
  if (code === 'model_unavailable') return `The base model cannot be loaded: ${reason}`;
  return new AppError(code, { trainer: 'trl', reason }).message;
};
