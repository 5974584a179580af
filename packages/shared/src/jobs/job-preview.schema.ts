import { z } from 'zod';
import { TrainerIdSchema } from '../trainers/trainer-id.js';
import { TrainingSpecSchema } from '../trainers/training-spec.schema.js';
import { EXAMPLE_SPEC } from './example-spec.js';
import { CreateJobSchema } from './job.schema.js';

const PreviewHostSchema = z
  .strictObject({
    device: z.enum(['cuda', 'cpu']).default('cuda'),
    gpus: z
      .int()
      .min(0)
      .max(64)
      .optional()
      .describe('GPUs of the job. Default: 1 with `cuda`; there are none with `cpu`.'),
  })
  .refine(({ device, gpus }) => gpus === undefined || (device === 'cuda') === gpus > 0, {
    path: ['gpus'],
    message: 'Must be at least 1 with the device cuda, and 0 with cpu.',
  });

export const PreviewJobSchema = CreateJobSchema.omit({ session: true })
  .extend({
    trainer: TrainerIdSchema.optional().describe(
      'Plan for this trainer in place of the one that would run the job, to compare what becomes of each field.',
    ),
    host: PreviewHostSchema.default({ device: 'cuda' }).describe('The host to plan for.'),
  })
  .meta({
    example: {
      type: 'lora-training',
      payload: {
        datasetId: '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d',
        loraConfigId: '0199d3a0-6b7f-7a10-8f21-4c5d6e7f8091',
      },
      trainer: 'tiny',
      host: { device: 'cuda', gpus: 1 },
    },
  });
export type PreviewJob = z.infer<typeof PreviewJobSchema>;

export const FieldMappingSchema = z.object({
  field: z.string().describe('Dotted path in `spec`.'),
  how: z
    .enum(['exact', 'approximated', 'dropped'])
    .describe(
      '`exact`: the trainer does just that. `approximated`: the nearest that it has. `dropped`: it has no effect.',
    ),
  to: z.string().optional().describe('What the trainer calls it, with the value that it gets.'),
  reason: z.string().optional().describe('Why it is not exact.'),
});

const PlannedFileSchema = z.object({
  path: z.string().describe('Relative to the workspace.'),
  content: z.string().describe('At most the first 64 KiB.'),
  sizeBytes: z.int().describe('Of the whole file.'),
  isTruncated: z.boolean(),
});

/** What a job would do, found without doing any of it. */
export const JobPreviewSchema = z
  .object({
    trainer: TrainerIdSchema.describe('The trainer that this plan is for.'),
    requestedTrainer: TrainerIdSchema.describe('The trainer that the base model calls for.'),
    model: z
      .object({ trainer: TrainerIdSchema, settings: z.record(z.string(), z.union([z.string(), z.boolean()])) })
      .nullable()
      .describe(
        'What the operator’s registry says of the base model; null when it does not name it. `<models>/` stands for wherever a host keeps a file.',
      ),
    summary: z
      .object({ exact: z.int(), approximated: z.int(), dropped: z.int() })
      .describe('How many fields of `mapping` are carried over how.'),
    mapping: z.array(FieldMappingSchema).describe('What becomes of each field of the spec.'),
    epochs: z.int(),
    steps: z.object({ perEpoch: z.int(), total: z.int() }).describe('Optimizer steps.'),
    diskBytes: z.int().describe('Estimate of what the workspace grows to: caches, checkpoints, states.'),
    seed: z.int(),
    command: z
      .array(z.string())
      .describe('Argument list. The first element is a name that each worker knows the program of.'),
    env: z.record(z.string(), z.string()).describe('Environment variables beside the minimal ones of every job.'),
    files: z.object({
      total: z.int(),
      data: z.array(PlannedFileSchema).describe('The first 50 that are written into the workspace, `/workspace`.'),
    }),
    links: z.object({
      total: z.int(),
      data: z
        .array(z.object({ path: z.string(), target: z.string() }))
        .describe('The first 10 that are made in the workspace.'),
    }),
    dataset: z.object({
      examples: z.int().describe('Pictures or rows that were found.'),
      isSample: z
        .boolean()
        .describe('There are too many rows to read: files show the first, and the steps are extrapolated.'),
    }),
    notes: z.array(z.string()).describe('What this preview could not know, for people.'),
    spec: TrainingSpecSchema.describe('What the job would be frozen with.'),
  })
  .meta({
    example: {
      trainer: 'tiny',
      requestedTrainer: 'tiny',
      model: null,
      summary: { exact: 1, approximated: 1, dropped: 1 },
      mapping: [
        { field: 'network.dim', how: 'exact', to: 'network.dim=32' },
        {
          field: 'training.optimizer',
          how: 'approximated',
          to: 'training.optimizer=AdamW',
          reason: 'tiny has AdamW only.',
        },
        {
          field: 'training.resolution',
          how: 'dropped',
          reason: 'tiny scales every picture to the size of its own base.',
        },
      ],
      epochs: 30,
      steps: { perEpoch: 13, total: 390 },
      diskBytes: 16_777_216,
      seed: 42,
      command: ['tiny', '--config', '/workspace/config.json'],
      env: {},
      files: {
        total: 1,
        data: [{ path: 'config.json', content: '{ "kind": "image" }\n', sizeBytes: 20, isTruncated: false }],
      },
      links: { total: 0, data: [] },
      dataset: { examples: 25, isSample: false },
      notes: [],
      spec: EXAMPLE_SPEC,
    },
  });
export type JobPreview = z.infer<typeof JobPreviewSchema>;
