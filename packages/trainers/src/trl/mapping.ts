import type { TrainingSpec } from '@influencerai/shared';
import { mapShared, ofEachGpu, withoutBf16 } from '../map-shared.js';
import type { FieldMapping } from '../trainer.js';
import { optimizerFor, schedulerFor, type Choice } from './choices.js';
import { type parameters } from './parameters.js';
import { fileNameFor, type Planned } from './plan.js';
import { readParameters } from './settings.js';
import { seedFor } from './sft.js';

/** Tells for each field of the spec what became of it. */
export const mapFields = (planned: Planned): FieldMapping[] => {
  const { spec } = planned;
  return [
    exact('baseModel', `model_name_or_path=${planned.base.isLocal ? '(from the registry)' : planned.base.model}`),
    dataset(planned),
    triggerWord(spec),
    outputName(spec),
    network(planned, 'dim', 'lora_r'),
    network(planned, 'alpha', 'lora_alpha'),
    epochs(planned),
    maxSteps(spec),
    batchSize(planned),
    gradientAccumulation(planned),
    exact('training.learningRate', `learning_rate=${spec.training.learningRate}`),
    dropped('training.resolution', 'Text has no resolution.'),
    chosen('training.optimizer', 'optim', optimizerFor(spec, planned.context.host)),
    chosen('training.lrScheduler', 'lr_scheduler_type', schedulerFor(spec, planned.settings.warmupSteps)),
    minSnrGamma(spec),
    seed(spec),
    samplePrompts(planned),
    ...mapShared(spec),
    ...Object.keys(spec.extra).map((key) => extra(planned, key)),
    ...withoutBf16({
      host: planned.context.host,
      option: 'precision',
      used: planned.settings.precision,
      asked: readParameters(spec).precision,
    }),
  ];
};

const exact = (field: string, to: string): FieldMapping => ({ field, how: 'exact', to });
const dropped = (field: string, reason: string): FieldMapping => ({ field, how: 'dropped', reason });
const near = (field: string, to: string, reason: string): FieldMapping => ({ field, how: 'approximated', to, reason });

const chosen = (field: string, option: string, { name, reason }: Choice): FieldMapping =>
  reason ? near(field, `${option}=${name}`, reason) : exact(field, `${option}=${name}`);

const dataset = ({ dataset: { kind, rows, reason } }: Planned): FieldMapping => {
  const to = `datasets (${rows.length} rows of kind ${kind})`;
  return reason ? near('dataset', to, reason) : exact('dataset', to);
};

const triggerWord = ({ dataset: { triggerWord: word } }: TrainingSpec): FieldMapping =>
  word === null
    ? exact('dataset.triggerWord', 'unset')
    : near(
        'dataset.triggerWord',
        'metadata.trigger_word',
        'Rows are learned as they are; the word is only noted in the weights.',
      );

const outputName = (spec: TrainingSpec): FieldMapping => {
  const to = `name=${fileNameFor(spec)}`;
  if (fileNameFor(spec) === spec.output.name) return exact('output.name', to);
  return near('output.name', to, 'A file name starts with a letter or a digit.');
};

const network = ({ spec, settings }: Planned, key: 'dim' | 'alpha', option: string): FieldMapping =>
  settings.method === 'full'
    ? dropped(`network.${key}`, 'All weights are trained, so there is no adapter.')
    : exact(`network.${key}`, `${option}=${spec.network[key]}`);

const epochs = ({ spec: { training }, settings, steps }: Planned): FieldMapping => {
  const field = 'training.epochs';
  if (training.maxSteps !== null) {
    return near(field, `max_steps=${training.maxSteps}`, 'maxSteps decides how long it trains.');
  }
  const to = `num_train_epochs=${training.epochs}`;
  if (!settings.packing) return exact(field, to);
  return near(field, to, `Packed rows make fewer sequences: ${steps.total} steps are the most it can take.`);
};

const maxSteps = ({ training }: TrainingSpec): FieldMapping =>
  exact('training.maxSteps', training.maxSteps === null ? 'unset' : `max_steps=${training.maxSteps}`);

const batchSize = ({ spec, settings: { batch }, context: { host } }: Planned): FieldMapping => {
  const to = `per_device_train_batch_size=${batch.size}`;
  const isLowered = batch.size !== spec.training.batchSize;
  const reasons = [...(isLowered ? ['Lowered after running out of memory.'] : []), ...ofEachGpu(host)];
  return reasons.length === 0 ? exact('training.batchSize', to) : near('training.batchSize', to, reasons.join(' '));
};

const gradientAccumulation = ({ spec: { training }, settings: { batch } }: Planned): FieldMapping => {
  const field = 'training.gradientAccumulation';
  const to = `gradient_accumulation_steps=${batch.accumulation}`;
  if (batch.accumulation === training.gradientAccumulation) return exact(field, to);
  return near(field, to, 'Raised as the batch was lowered, so that a step still sees as many rows.');
};

const minSnrGamma = ({ training }: TrainingSpec): FieldMapping =>
  training.minSnrGamma === null
    ? exact('training.minSnrGamma', 'unset')
    : dropped('training.minSnrGamma', 'It weighs noise levels, which text does not have.');

const seed = (spec: TrainingSpec): FieldMapping => {
  const to = `seed=${seedFor(spec)}`;
  if (seedFor(spec) === spec.training.seed) return exact('training.seed', to);
  return near('training.seed', to, 'NumPy takes seeds of 32 bits; the lowest 32 are used.');
};

const samplePrompts = ({ spec, context, dataset: { rows } }: Planned): FieldMapping => {
  const field = 'samples.prompts';
  if (context.host.gpus > 1) {
    return dropped(field, 'Runs on several GPUs make no samples; sample the finished weights.');
  }
  if (spec.samples.prompts !== null) return exact(field, `samples.prompts (${spec.samples.prompts.length})`);
  return near(field, `samples.prompts (of ${rows.length} rows)`, 'None were given, so beginnings of rows are used.');
};

/** Names of TRL for what `meta` may hold; the values are checked when the plan is made. */
const EXTRA: Record<keyof typeof parameters.shape, string> = {
  method: 'use_peft, load_in_4bit',
  loadIn4bit: 'load_in_4bit',
  loraDropout: 'lora_dropout',
  loraTargetModules: 'lora_target_modules',
  useDora: 'use_dora',
  useRslora: 'use_rslora',
  maxLength: 'max_length',
  packing: 'packing',
  completionOnlyLoss: 'completion_only_loss',
  assistantOnlyLoss: 'assistant_only_loss',
  warmupSteps: 'warmup_steps',
  weightDecay: 'weight_decay',
  maxGradNorm: 'max_grad_norm',
  gradientCheckpointing: 'gradient_checkpointing',
  precision: 'bf16, fp16, dtype',
  saveEverySteps: 'checkpoint.everySteps',
  saveEveryEpochs: 'checkpoint.everyEpochs',
  sampleMaxTokens: 'samples.maxTokens',
};

const ADAPTER_ONLY = ['loraDropout', 'loraTargetModules', 'useDora', 'useRslora'];

const extra = (planned: Planned, key: string): FieldMapping => {
  const field = `extra.${key}`;
  if (!Object.hasOwn(EXTRA, key)) return dropped(field, 'TRL does not know it, or a job may not set it.');
  const to = `${EXTRA[key as keyof typeof EXTRA]}=${JSON.stringify(planned.spec.extra[key])}`;
  return without(planned, key, field) ?? exact(field, to);
};

/** Known keys that this job cannot use. */
const without = ({ spec, context, settings }: Planned, key: string, field: string): FieldMapping | undefined => {
  if (settings.method === 'full' && ADAPTER_ONLY.includes(key)) {
    return dropped(field, 'All weights are trained, so there is no adapter.');
  }
  if (key === 'saveEveryEpochs' && spec.extra['saveEverySteps'] !== undefined) {
    return dropped(field, 'saveEverySteps decides.');
  }
  if (key === 'precision' && context.host.device === 'cpu' && spec.extra[key] !== 'fp32') {
    return near(field, 'dtype=float32', 'On a CPU it trains in fp32.');
  }
  if (key === 'sampleMaxTokens' && context.host.gpus > 1) return dropped(field, 'Several GPUs make no samples.');
  return undefined;
};
