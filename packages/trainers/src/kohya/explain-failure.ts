import type { ErrorCode } from '@influencerai/shared';
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

const MEMORY_HINT =
  'Lower batchSize, resolution or networkDim; keep meta.cacheLatents and meta.gradientCheckpointing on; set meta.networkTrainUnetOnly or, for flow models, meta.blocksToSwap.';

/** What kohya and torch end with, and what it means; the first that matches counts. */
const SIGNS: readonly Sign[] = [
  {
    pattern:
      /OutOfMemoryError|CUDA (?:error: )?out of memory|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED|DefaultCPUAllocator|Cannot allocate memory|^MemoryError\b/,
    code: 'trainer_out_of_memory',
    hint: MEMORY_HINT,
  },
  {
    pattern: /No data found\. Please verify/,
    code: 'dataset_unreadable',
    error: 'The worker could not read the dataset: kohya found no pictures in it.',
    hint: 'Look whether the pictures are png, jpg, webp or bmp files.',
  },
  {
    pattern: /max_train_steps should be greater than initial step/,
    code: 'trainer_crashed',
    error: 'The state to go on from already holds every step of the job.',
    hint: 'Ask for more epochs, or start a new job.',
  },
  {
    pattern: /Cannot swap more than \d+/,
    code: 'spec_unsupported',
    hint: 'Lower meta.blocksToSwap, or leave it out; it counts double and single blocks together.',
  },
  {
    pattern: /No bitsandbytes|No module named 'bitsandbytes'|bitsandbytes.*CUDA Setup failed/i,
    code: 'spec_unsupported',
    error: 'The trainer kohya cannot run this job: bitsandbytes is not installed, which 8-bit optimizers need.',
    hint: 'Take the optimizer AdamW, or have the operator install kohya anew.',
  },
  {
    pattern: /No (?:xformers|lion_pytorch|prodigy|schedulefree|dadaptation)\b/i,
    code: 'spec_unsupported',
    hint: 'Take another optimizer or meta.attention, or have the operator install what is missing.',
  },
  {
    pattern: /voluptuous\.\w+|extra keys not allowed|required key not provided/,
    code: 'internal',
    error: 'kohya refused the dataset configuration that was written for this job.',
    hint: 'This is a fault of the service; the job log has the key.',
  },
  {
    pattern: /UnicodeDecodeError|IndexError: list index out of range.*caption|caption file is empty/,
    code: 'dataset_unreadable',
    error: 'The worker could not read the dataset: a caption is no UTF-8 text.',
  },
  {
    pattern: /UnidentifiedImageError|cannot identify image file|image file is truncated|Truncated File Read/,
    code: 'dataset_unreadable',
    error: 'The worker could not read the dataset: a picture is broken.',
    hint: 'The job log names the file.',
  },
  {
    pattern: /LocalEntryNotFoundError|OfflineModeIsEnabled|is not a local folder and is not a valid model identifier/,
    code: 'trainer_crashed',
    error: 'A model or tokenizer is neither on this host nor may it be downloaded.',
    hint: 'The operator sets tokenizerCacheDir and the model files in models.yaml.',
  },
  {
    pattern: /Error\(s\) in loading state_dict|SafetensorError|invalid load key|size mismatch for/,
    code: 'trainer_crashed',
    error: 'The base model could not be loaded: its file is broken or of another family.',
    hint: 'The operator checks family and model of its entry in models.yaml.',
  },
  {
    pattern: /NaN detected in latents/,
    code: 'loss_not_finite',
    error: 'The VAE made NaN of a picture.',
    hint: 'Set meta.precision: "bf16", or take a VAE that works in 16 bits.',
  },
];

/** Why a run failed: what the driver said, what the last lines are known to mean, then the exit itself. */
export const explainFailure = (exit: TrainerExit): Failure => explainExit(exit, () => fromHub(exit) ?? fromSigns(exit));

const fromSigns = ({ tail }: TrainerExit): Failure | undefined => {
  for (const { pattern, code, error, hint } of SIGNS) {
    const line = tail.findLast((candidate) => pattern.test(candidate));
    if (line !== undefined) return { code, error: error ?? line.trim().slice(0, 500), hint };
  }
  return undefined;
};
