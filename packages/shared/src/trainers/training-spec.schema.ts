import { z } from 'zod';
import { DatasetKindSchema } from '../datasets/dataset.schema.js';
import { TrainerIdSchema } from './trainer-id.js';

/**
 * Everything a trainer needs, resolved and frozen when a job is submitted: later edits of the configuration or the
 * dataset row change no job, and the job can be replayed. Portable; `packages/trainers` translates it per trainer.
 */
export const TrainingSpecSchema = z.object({
  version: z.literal(1),
  kind: z.enum(['image', 'text']),
  trainer: TrainerIdSchema.describe('The trainer that runs the job.'),
  requestedTrainer: TrainerIdSchema.describe('The trainer that the base model calls for.'),
  baseModel: z.string(),
  dataset: z.object({
    id: z.string(),
    kind: DatasetKindSchema,
    path: z.string().describe('Below the data root, as the tenant wrote it.'),
    digest: z.string().nullable(),
    examples: z.int().describe('Pictures or rows.'),
    leftOut: z
      .array(z.string())
      .optional()
      .describe('Pictures among its listed problems that cannot be used; nothing is trained on them.'),
    triggerWord: z.string().nullable().describe('Stands in for captions that are missing; goes into the metadata.'),
    triggerWords: z.array(z.string()).optional().describe('Put before every caption that lacks them.'),
  }),
  output: z.object({
    dir: z.string().describe('Folder below the data root, owned by this job alone.'),
    name: z.string().describe('File base name.'),
  }),
  training: z.object({
    epochs: z.int(),
    maxSteps: z.int().nullable(),
    batchSize: z.int().describe('Examples per forward pass and device.'),
    gradientAccumulation: z.int().default(1).describe('Forward passes per optimizer step.'),
    learningRate: z.number(),
    resolution: z.int(),
    optimizer: z.string(),
    lrScheduler: z.string(),
    minSnrGamma: z.number().nullable(),
    seed: z.int(),
  }),
  onOutOfMemory: z
    .enum(['fail', 'shrink'])
    .default('fail')
    .describe(
      '`shrink`: go on from the last state with half the batch (or a smaller part that divides it) and as much more accumulation, once.',
    ),
  network: z.object({ dim: z.int(), alpha: z.int() }),
  samples: z.object({
    prompts: z
      .array(z.string())
      .nullable()
      .describe('Null leaves the choice to the trainer; an empty list makes no samples.'),
  }),
  extra: z
    .record(z.string(), z.json())
    .describe('What `meta` held besides the fields above, for trainers that know more.'),
});
export type TrainingSpec = z.infer<typeof TrainingSpecSchema>;
