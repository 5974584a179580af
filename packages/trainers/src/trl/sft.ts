import type { TrainingSpec } from '@influencerai/shared';
import type { PlanContext } from '../trainer.js';
import { optimizerFor, schedulerFor } from './choices.js';
import type { SftArguments } from './config.js';
import type { RowKind } from './dataset.js';
import { chatTemplateLink, type TrlBase } from './model.js';
import { readParameters, unsupported, type TrlSettings } from './settings.js';

export const TRAIN_FILE = 'train.jsonl';
/** Where TRL writes while it trains. The driver moves what is whole out of it. */
export const RUN_DIR = 'output/run';

export interface SftInput {
  spec: TrainingSpec;
  context: PlanContext;
  settings: TrlSettings;
  base: TrlBase;
  rowKind: RowKind;
}

/** The arguments of TRL's own script. Every default that decides something is written out. */
export const sftArguments = (input: SftInput): SftArguments => ({
  ...modelArguments(input),
  ...(input.settings.method !== 'full' && adapterArguments(input)),
  ...dataArguments(input),
  ...trainingArguments(input),
  ...precisionArguments(input),
  ...outputArguments,
});

const modelArguments = ({ settings, base }: SftInput): SftArguments => ({
  model_name_or_path: base.model,
  trust_remote_code: false,
  dtype: dtypeOf(settings),
  ...(base.chatTemplate !== undefined && { chat_template_path: chatTemplateLink }),
  ...(settings.method === 'qlora' && {
    load_in_4bit: true,
    bnb_4bit_quant_type: 'nf4',
    use_bnb_nested_quant: true,
  }),
});

/** A frozen base may be kept small; weights that are trained need their full precision beside autocast. */
const dtypeOf = ({ method, precision }: TrlSettings): string => {
  if (method === 'full' || precision === 'fp32') return 'float32';
  return precision === 'bf16' ? 'bfloat16' : 'float16';
};

const adapterArguments = ({ spec, settings }: SftInput): SftArguments => ({
  use_peft: true,
  lora_r: spec.network.dim,
  lora_alpha: spec.network.alpha,
  lora_dropout: settings.loraDropout,
  lora_target_modules: settings.targetModules,
  use_dora: settings.useDora,
  use_rslora: settings.useRslora,
});

const dataArguments = ({ spec, settings, rowKind }: SftInput): SftArguments => {
  const { completionOnlyLoss, assistantOnlyLoss } = readParameters(spec);
  if (completionOnlyLoss && rowKind !== 'completion') {
    throw unsupported(
      'meta.completionOnlyLoss is for rows of prompt and completion, which this dataset does not have.',
    );
  }
  if (assistantOnlyLoss && rowKind !== 'messages') {
    throw unsupported('meta.assistantOnlyLoss is for rows of messages, which this dataset does not have.');
  }
  return {
    datasets: [{ path: 'json', data_files: TRAIN_FILE, split: 'train' }],
    max_length: settings.maxLength,
    packing: settings.packing,
    completion_only_loss: rowKind === 'completion' && (completionOnlyLoss ?? true),
    assistant_only_loss: assistantOnlyLoss ?? false,
  };
};

const trainingArguments = ({ spec, context, settings }: SftInput): SftArguments => ({
  ...(spec.training.maxSteps === null
    ? { num_train_epochs: spec.training.epochs }
    : { max_steps: spec.training.maxSteps }),
  per_device_train_batch_size: settings.batch.size,
  gradient_accumulation_steps: settings.batch.accumulation,
  learning_rate: spec.training.learningRate,
  lr_scheduler_type: schedulerFor(spec, settings.warmupSteps).name,
  warmup_steps: settings.warmupSteps,
  weight_decay: settings.weightDecay,
  max_grad_norm: settings.maxGradNorm,
  optim: optimizerFor(spec, context.host).name,
  gradient_checkpointing: settings.gradientCheckpointing,
  seed: seedFor(spec),
  data_seed: seedFor(spec),
  dataloader_num_workers: 0,
});

/** NumPy takes seeds of 32 bits. */
export const seedFor = ({ training }: TrainingSpec): number => Number(BigInt.asUintN(32, BigInt(training.seed)));

const precisionArguments = ({ context, settings }: SftInput): SftArguments => ({
  bf16: settings.precision === 'bf16',
  fp16: settings.precision === 'fp16',
  use_cpu: context.host.device === 'cpu',
});

const outputArguments: SftArguments = {
  output_dir: RUN_DIR,
  save_strategy: 'no',
  logging_steps: 1,
  // Otherwise a loss that is NaN is shown as the mean of those before (transformers: trainer.py).
  logging_nan_inf_filter: false,
  report_to: 'none',
  push_to_hub: false,
  disable_tqdm: true,
};
