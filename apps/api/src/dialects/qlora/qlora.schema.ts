import { MAX_INLINE_TEXTS } from '@influencerai/shared';
import { z } from 'zod';
import { orDefault, orLeftOut } from '../left-out.schema.js';

/** One sentence for whatever is wrong with a field. */
const integer = (name: string, min: number, max: number) => {
  const says = `${name} must be an integer between ${min} and ${max}`;
  return z.int(says).min(min, says).max(max, says);
};
const number = (name: string, min: number, max: number) => {
  const says = `${name} must be a number between ${min} and ${max}`;
  return z.number(says).min(min, says).max(max, says);
};
const text = (name: string, maxLength: number) => {
  const says = `${name} must be a string of 1 to ${maxLength} characters`;
  return z.string(says).trim().min(1, says).max(maxLength, says);
};

/** Says so where something else is given, and leaves unknown members to be named one by one. */
const objectOf = <Shape extends z.ZodRawShape>(says: string, shape: Shape) =>
  z.strictObject(shape, { error: ({ code }) => (code === 'invalid_type' ? says : undefined) });

const isMissing = ({ input }: { input?: unknown }): boolean => input === undefined;

const BODY = 'Request body must be a JSON object';
const MODEL_NAME = 'model_name must be a string of 1 to 255 characters';
const TEXTS = 'train_texts must be a list of strings that are not blank';
const HOW_MANY = `train_texts must hold 1 to ${MAX_INLINE_TEXTS} texts`;
const RANK = 'r must be one of: 4, 8, 16, 32';
const MODULES = 'target_modules must be a list of 1 to 64 names of modules';
const MAX_STEPS = 'max_steps must be -1 (train by epochs) or an integer between 1 and 1000000';

const modelName = z
  .string({ error: (issue) => (isMissing(issue) ? 'model_name is required' : MODEL_NAME) })
  .trim()
  .min(1, 'model_name is required')
  .max(255, MODEL_NAME);

const trainTexts = z
  .array(z.string(TEXTS).regex(/\S/, TEXTS), {
    error: (issue) => (isMissing(issue) ? 'train_texts is required' : 'train_texts must be a list'),
  })
  .min(1, HOW_MANY)
  .max(MAX_INLINE_TEXTS, HOW_MANY)
  .describe('One example each, learned as it stands.');

const datasetName = text('dataset_name', 255);

const loraConfig = objectOf('lora_config must be an object', {
  r: orDefault(z.literal([4, 8, 16, 32], RANK), 4).describe('Rank.'),
  lora_alpha: orDefault(integer('lora_alpha', 1, 512), 8),
  lora_dropout: orDefault(number('lora_dropout', 0, 0.9), 0.05),
  target_modules: orDefault(
    z
      .array(z.string(MODULES).regex(/^[A-Za-z0-9_.]{1,100}$/, MODULES), MODULES)
      .min(1, MODULES)
      .max(64, MODULES),
    ['q_proj', 'v_proj'],
  ),
  bias: orDefault(z.enum(['none'], 'bias must be none: biases are not trained here'), 'none'),
  task_type: orDefault(z.enum(['CAUSAL_LM'], 'task_type must be CAUSAL_LM'), 'CAUSAL_LM'),
});

const trainingConfig = objectOf('training_config must be an object', {
  num_epochs: orDefault(integer('num_epochs', 1, 1000), 3),
  batch_size: orDefault(integer('batch_size', 1, 64), 1).describe('For each device.'),
  learning_rate: orDefault(number('learning_rate', 0.000001, 1), 2e-4),
  max_steps: orDefault(
    z.union([z.literal(-1), z.int(MAX_STEPS).min(1, MAX_STEPS).max(1_000_000, MAX_STEPS)], MAX_STEPS),
    -1,
  ).describe('-1: as many as the epochs make; otherwise the steps decide.'),
  gradient_accumulation_steps: orDefault(integer('gradient_accumulation_steps', 1, 1024), 4),
  warmup_steps: orDefault(integer('warmup_steps', 0, 1_000_000), 100),
  logging_steps: orDefault(integer('logging_steps', 1, 1_000_000), 10).describe(
    'Accepted and ignored: every step is kept.',
  ),
  save_steps: orDefault(integer('save_steps', 1, 1_000_000), 500),
  max_seq_length: orDefault(integer('max_seq_length', 16, 131_072), 2048),
});

/** Fields that are checked and have no effect here. */
export const IGNORED = ['training_config.logging_steps'] as const;

const startExample = {
  model_name: 'codellama-7b-instruct',
  train_texts: ['### Instruction:\nWrite a Python function\n\n### Response:\ndef example():\n    pass'],
  lora_config: { r: 4, lora_alpha: 8, lora_dropout: 0.05, target_modules: ['q_proj', 'v_proj'] },
  training_config: { num_epochs: 3, batch_size: 1, learning_rate: 2e-4, max_steps: -1 },
  output_dir: './custom_output',
};

export const StartRequestSchema = objectOf(BODY, {
  model_name: modelName,
  train_texts: orLeftOut(trainTexts),
  dataset_name: orLeftOut(datasetName).describe(
    'In place of train_texts: the newest dataset of that name. An addition to the contract.',
  ),
  lora_config: orDefault(loraConfig, {}),
  training_config: orDefault(trainingConfig, {}),
  output_dir: orLeftOut(text('output_dir', 200)).describe('Below `data/loras/`, where adapters lie.'),
})
  .refine((body) => body.train_texts !== undefined || body.dataset_name !== undefined, {
    path: ['train_texts'],
    message: 'train_texts is required',
  })
  .refine((body) => body.train_texts === undefined || body.dataset_name === undefined, {
    path: ['dataset_name'],
    message: 'dataset_name cannot stand beside train_texts',
  })
  .meta({
    id: 'StartRequest',
    example: startExample,
    oneOf: [
      { required: ['train_texts'], properties: { train_texts: { type: 'array' } } },
      { required: ['dataset_name'], properties: { dataset_name: { type: 'string' } } },
    ],
  });
export type StartRequest = z.infer<typeof StartRequestSchema>;

export const StartedSchema = z
  .object({ job_id: z.string(), status: z.literal('submitted'), message: z.string() })
  .meta({ id: 'Started' });
export type Started = z.infer<typeof StartedSchema>;

export const TrainingStatusSchema = z
  .enum(['pending', 'running', 'completed', 'failed', 'cancelled'])
  .meta({ id: 'TrainingStatus' });
export type TrainingStatus = z.infer<typeof TrainingStatusSchema>;

const stamp = z.string().describe('UTC, without a zone: `2025-10-09T12:00:00`.');

const jobFields = {
  job_id: z.string(),
  model_name: z.string(),
  status: TrainingStatusSchema,
  progress: z.number().describe('Percent of the steps.'),
  created_at: stamp,
  started_at: stamp.nullable(),
  completed_at: stamp.nullable(),
};

export const ListedJobSchema = z.object(jobFields).meta({ id: 'ListedJob' });
export type ListedJob = z.infer<typeof ListedJobSchema>;

export const JobListSchema = z
  .object({ jobs: z.array(ListedJobSchema), total: z.int().describe('All of them; at most 1000 are listed.') })
  .meta({ id: 'JobList' });
export type JobList = z.infer<typeof JobListSchema>;

export const JobStateSchema = z
  .object({
    ...jobFields,
    current_step: z.int(),
    total_steps: z.int().describe('As planned, until the trainer has counted them.'),
    current_loss: z.number().nullable(),
    learning_rate: z.number().nullable(),
    metrics: z.object({
      train_loss: z.number().nullable(),
      eval_loss: z.number().nullable().describe('Null: no texts are held back to evaluate on.'),
    }),
    adapter_path: z.string().nullable().describe('Folder of the adapter to be; null when none will come.'),
    error_message: z.string().nullable(),
  })
  .meta({ id: 'JobState' });
export type JobState = z.infer<typeof JobStateSchema>;

export const StoppedSchema = z
  .object({ job_id: z.string(), status: z.literal('cancelled'), message: z.string() })
  .meta({ id: 'Stopped' });
export type Stopped = z.infer<typeof StoppedSchema>;

export const UploadRequestSchema = objectOf(BODY, {
  train_texts: trainTexts,
  dataset_name: orLeftOut(datasetName).describe('An upload of the same name comes before the earlier one.'),
}).meta({
  id: 'UploadRequest',
  example: {
    dataset_name: 'my_dataset',
    train_texts: ['### Instruction:\nExample instruction\n\n### Response:\nExample'],
  },
});
export type UploadRequest = z.infer<typeof UploadRequestSchema>;

export const UploadedTextsSchema = z
  .object({ dataset_name: z.string(), num_texts: z.int(), status: z.literal('uploaded'), message: z.string() })
  .meta({ id: 'UploadedTexts' });
export type UploadedTexts = z.infer<typeof UploadedTextsSchema>;

const adapterFields = {
  name: z.string(),
  path: z.string().describe('The folder that it lies in: `adapter_path` of its job.'),
  model_name: z.string(),
  created_at: stamp,
  size_mb: z.number().describe('Of 1,048,576 bytes.'),
  description: z.string().describe('Empty where nobody has described it.'),
  is_loaded: z.boolean(),
};
const adapterMetrics = { final_loss: z.number().nullable(), training_steps: z.number().nullable() };

export const ListedAdapterSchema = z
  .object({ ...adapterFields, metrics: z.object(adapterMetrics) })
  .meta({ id: 'ListedAdapter' });
export type ListedAdapter = z.infer<typeof ListedAdapterSchema>;

export const AdapterListSchema = z
  .object({
    adapters: z.array(ListedAdapterSchema),
    total: z.int().describe('All of them; at most 1000 are listed.'),
    current_adapter: z
      .string()
      .nullable()
      .describe('The one that was loaded here last, else the last one that was loaded elsewhere.'),
  })
  .meta({ id: 'AdapterList' });
export type AdapterList = z.infer<typeof AdapterListSchema>;

export const AdapterInfoSchema = z
  .object({
    ...adapterFields,
    training_config: z.object({
      r: z.number().nullable(),
      lora_alpha: z.number().nullable(),
      learning_rate: z.number().nullable(),
    }),
    metrics: z.object({ ...adapterMetrics, training_time_minutes: z.number().nullable() }),
  })
  .meta({ id: 'AdapterInfo' });
export type AdapterInfo = z.infer<typeof AdapterInfoSchema>;

const changed = <Status extends string>(status: Status, id: string) =>
  z.object({ adapter_name: z.string(), status: z.literal(status), message: z.string() }).meta({ id });

export const LoadedAdapterSchema = changed('loaded', 'LoadedAdapter');
export const UnloadedAdapterSchema = changed('unloaded', 'UnloadedAdapter');
export const DeletedAdapterSchema = changed('deleted', 'QloraDeletedAdapter');

/** What became of an adapter. */
export interface ChangedAdapter<Status extends string> {
  adapter_name: string;
  status: Status;
  message: string;
}

export const QloraErrorSchema = z.object({ error: z.string() });
export type QloraError = z.infer<typeof QloraErrorSchema>;
