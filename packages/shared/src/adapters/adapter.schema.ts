import { z } from 'zod';
import { MetaSchema, PageQuerySchema, SortOrderSchema, pageSchema } from '../http/page.schema.js';
import { TrainerIdSchema } from '../trainers/trainer-id.js';
import { ADAPTER_STATUSES } from './adapter-status.js';

export const AdapterStatusSchema = z.enum(ADAPTER_STATUSES);

const amount = z.number().nullable();

export const AdapterMetricsSchema = z.object({
  finalLoss: amount,
  initialLoss: amount,
  steps: amount.describe('Optimizer steps.'),
  trainingTimeMinutes: amount,
});
export type AdapterMetrics = z.infer<typeof AdapterMetricsSchema>;

const description = z.string().max(500).nullable().describe('Human-readable, at most 500 characters.');

export const AdapterSchema = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    name: z
      .string()
      .describe('Unique per tenant: the file name of its job, with `-2`, `-3` and so on where that is taken.'),
    description,
    jobId: z.string().describe('The job that trained it.'),
    kind: z.enum(['image', 'text']),
    baseModel: z.string().describe('As its configuration named it.'),
    trainer: TrainerIdSchema.describe('The program that trained it. Weights of `tiny` fit the built-in models alone.'),
    triggerWords: z.array(z.string()),
    trainingConfig: MetaSchema.describe('`training` of the frozen spec, with `networkDim` and `networkAlpha`.'),
    metrics: AdapterMetricsSchema.describe('From the result of its job; null where that says nothing.'),
    fileName: z.string(),
    sizeBytes: z.int(),
    sha256: z.string(),
    path: z.string().describe('Where the weights lie below the project root.'),
    url: z.string().describe('Download path; supports ranges.'),
    status: AdapterStatusSchema.describe('New members may be added.'),
    statusReason: z.string().nullable().describe('Why it is `failed`, in the words of the runtime.'),
    runtime: z.string().nullable().describe('The runtime that has it, or was last asked to.'),
    servedAs: z.string().describe('The name under which runtimes of others know it: the `model` of their requests.'),
    loadedAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({
    example: {
      id: '0199d3a0-8d91-7c33-b504-6e7f8091a2b3',
      tenantId: 'tenant_demo',
      name: 'support-answers',
      description: 'Answers in the words of our handbook',
      jobId: '0199d3a0-7c80-7b22-a4f3-5d6e7f8091a2',
      kind: 'text',
      baseModel: 'Qwen/Qwen2.5-0.5B',
      trainer: 'trl',
      triggerWords: [],
      trainingConfig: { epochs: 3, batchSize: 2, learningRate: 0.0002, networkDim: 16, networkAlpha: 8 },
      metrics: { finalLoss: 0.845, initialLoss: 2.31, steps: 1000, trainingTimeMinutes: 15.5 },
      fileName: 'support-answers-final.safetensors',
      sizeBytes: 8_676_008,
      sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      path: 'data/loras/support-answers/support-answers-final.safetensors',
      url: '/adapters/support-answers/download',
      status: 'loaded',
      statusReason: null,
      runtime: 'chat',
      servedAs: 'tenant_demo/support-answers',
      loadedAt: '2026-01-15T13:00:00.000Z',
      createdAt: '2026-01-15T12:30:00.000Z',
      updatedAt: '2026-01-15T13:00:00.000Z',
    },
  });
export type Adapter = z.infer<typeof AdapterSchema>;

export const AdapterPageSchema = pageSchema(AdapterSchema);

export const ListAdaptersQuerySchema = PageQuerySchema.extend({
  baseModel: z.string().max(255).optional(),
  status: AdapterStatusSchema.optional(),
  sortBy: z.enum(['createdAt', 'updatedAt', 'loadedAt', 'name']).default('createdAt'),
  sortOrder: SortOrderSchema,
});
export type ListAdaptersQuery = z.infer<typeof ListAdaptersQuerySchema>;

export const UpdateAdapterSchema = z
  .strictObject({ description: description.optional() })
  .meta({ example: { description: 'Answers in the words of our handbook' } });
export type UpdateAdapter = z.infer<typeof UpdateAdapterSchema>;

export const DeletedAdapterSchema = z.object({ success: z.literal(true) });
export type DeletedAdapter = z.infer<typeof DeletedAdapterSchema>;

export const LoadAdapterSchema = z
  .strictObject({
    runtime: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe('Name of a serving runtime. Without it: the first one that serves the base model.'),
  })
  .meta({ example: {} });
export type LoadAdapter = z.infer<typeof LoadAdapterSchema>;

export const GenerateSchema = z
  .strictObject({
    prompt: z.string().min(1).max(4_000).describe('What to continue, or to draw.'),
    seed: z.int().min(0).max(2_147_483_647).default(0).describe('The same seed draws and writes the same again.'),
    withAdapter: z.boolean().default(true).describe('`false` asks the base model alone, to compare.'),
    maxTokens: z.int().min(1).max(1_024).default(128).describe('Longest text; the built-in model counts bytes.'),
  })
  .meta({ example: { prompt: 'How do I return a parcel?', seed: 7 } });
export type Generate = z.infer<typeof GenerateSchema>;

export const GeneratedSchema = z
  .object({
    runtime: z.string(),
    seed: z.int(),
    withAdapter: z.boolean(),
    text: z.string().nullable().describe('What follows the prompt; null for a picture.'),
    image: z
      .object({ contentType: z.string(), base64: z.string() })
      .nullable()
      .describe('The picture; null for a text.'),
  })
  .meta({
    example: { runtime: 'chat', seed: 7, withAdapter: true, text: ' Put it in the box it came in.', image: null },
  });
export type Generated = z.infer<typeof GeneratedSchema>;
