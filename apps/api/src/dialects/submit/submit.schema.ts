import { ONE_LINE } from '@influencerai/shared';
import { z } from 'zod';
import { orDefault, orLeftOut } from '../left-out.schema.js';

/** One sentence for whatever is wrong with the number. */
const integer = (name: string, min: number, max: number) => {
  const says = `${name} must be an integer between ${min} and ${max}`;
  return z.int(says).min(min, says).max(max, says);
};

const LEARNING_RATE = 'learning_rate must be a number between 1e-6 and 1e-2';
const RESOLUTION = 'resolution must be a multiple of 64 between 256 and 1024';
const MODEL_ID = 'base_model must be a Hugging Face model ID (namespace/model-name)';
const NAME = 'name must be a string of 1 to 100 characters';
const TRIGGER_WORDS = 'trigger_words must be an array of at most 16 strings of 1 to 100 characters on one line';

/** Says so where something else is given, and leaves unknown members to be named one by one. */
const objectOf = <Shape extends z.ZodRawShape>(says: string, shape: Shape) =>
  z.strictObject(shape, { error: ({ code }) => (code === 'invalid_type' ? says : undefined) });

/** What a form holds where nobody has typed anything. */
const unlessBlank = (text: string): string | undefined => text || undefined;

const triggerWords = z
  .array(z.string(TRIGGER_WORDS).trim().max(100, TRIGGER_WORDS).regex(ONE_LINE, TRIGGER_WORDS), TRIGGER_WORDS)
  .max(16, TRIGGER_WORDS)
  .transform((words) => words.filter((word) => word !== ''));

export const SubmitRequestSchema = objectOf('body must be a JSON object', {
  dataset_id: z.string('dataset_id is required').min(1, 'dataset_id is required').max(100, 'dataset_id is too long'),
  name: orLeftOut(z.string(NAME).trim().max(100, NAME).transform(unlessBlank)).describe('What to call the job.'),
  type: z.enum(['lora', 'dreambooth'], 'type must be one of: lora, dreambooth'),
  base_model: z
    .string(MODEL_ID)
    .max(255, MODEL_ID)
    .regex(/^\w[\w.-]*\/\w[\w.-]*$/, MODEL_ID),
  config: objectOf('config is required', {
    learning_rate: orDefault(z.number(LEARNING_RATE).min(1e-6, LEARNING_RATE).max(1e-2, LEARNING_RATE), 1e-4),
    batch_size: orDefault(integer('batch_size', 1, 8), 1),
    steps: orDefault(integer('steps', 100, 10_000), 1000),
    resolution: orDefault(z.int(RESOLUTION).min(256, RESOLUTION).max(1024, RESOLUTION).multipleOf(64, RESOLUTION), 512),
    lora_rank: orDefault(integer('lora_rank', 4, 128), 16),
    lora_alpha: orDefault(integer('lora_alpha', 1, 128), 32),
  }),
  trigger_words: orDefault(triggerWords, []).describe(
    'Put before every caption that lacks them, and into the metadata of the weights.',
  ),
}).meta({
  id: 'SubmitRequest',
  example: {
    dataset_id: '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d',
    name: 'My First LoRA',
    type: 'lora',
    base_model: 'stabilityai/sdxl-base-1.0',
    config: { learning_rate: 0.0001, batch_size: 1, steps: 1000, resolution: 512, lora_rank: 16, lora_alpha: 32 },
    trigger_words: ['my-style'],
  },
});
export type SubmitRequest = z.infer<typeof SubmitRequestSchema>;

export const SubmitStatusSchema = z
  .enum(['pending', 'running', 'queued', 'completed', 'failed'])
  .meta({ id: 'SubmitStatus' });
export type SubmitStatus = z.infer<typeof SubmitStatusSchema>;

export const SubmittedSchema = z
  .object({
    success: z.literal(true),
    job_id: z.string(),
    status: SubmitStatusSchema.describe(
      '`running`: the job has one of its user’s two slots. `queued`: it waits for one.',
    ),
    message: z.string(),
  })
  .meta({ id: 'Submitted' });
export type Submitted = z.infer<typeof SubmittedSchema>;

export const UploadedSchema = z
  .object({
    success: z.boolean().describe('False where nothing can be trained on it; the message says why.'),
    dataset_id: z.string(),
    status: z.enum(['pending', 'processing', 'ready', 'failed']).describe('A job needs one that is `ready`.'),
    message: z.string(),
  })
  .meta({ id: 'Uploaded' });
export type Uploaded = z.infer<typeof UploadedSchema>;

export const OutputsSchema = z
  .object({
    job_id: z.string(),
    status: SubmitStatusSchema,
    files: z.array(
      z.object({
        name: z.string(),
        size: z.int().describe('Bytes.'),
        sha256: z.string(),
        url: z.string().describe('Where it is downloaded, with the same token.'),
        created_at: z.iso.datetime(),
      }),
    ),
  })
  .meta({ id: 'Outputs' });
export type Outputs = z.infer<typeof OutputsSchema>;

/** What a job was submitted with, defaults filled in. */
export const TrainingConfigSchema = z
  .object({
    job_id: z.string(),
    dataset_id: z.string(),
    name: z.string(),
    type: z.enum(['lora', 'dreambooth']),
    base_model: z.string(),
    config: z.object({
      learning_rate: z.number(),
      batch_size: z.int(),
      steps: z.int().nullable().describe('Null for a job that was submitted with epochs elsewhere.'),
      resolution: z.int(),
      lora_rank: z.int(),
      lora_alpha: z.int(),
    }),
    trigger_words: z.array(z.string()),
  })
  .meta({ id: 'TrainingConfig' });
export type TrainingConfig = z.infer<typeof TrainingConfigSchema>;

export const SubmitErrorSchema = z.object({
  error: z.string(),
  message: z.string(),
  details: z.array(z.string()).optional().describe('What is wrong with the fields, a sentence each.'),
});
export type SubmitError = z.infer<typeof SubmitErrorSchema>;
