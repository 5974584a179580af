import { z } from 'zod';
import { MetaSchema, PageQuerySchema, SortOrderSchema, pageSchema } from '../http/page.schema.js';

const fields = {
  name: z.string().trim().min(1).max(100).describe('Unique per tenant, 1-100 characters.'),
  description: z.string().max(500).nullable().describe('Human-readable, at most 500 characters.'),
  modelName: z
    .string()
    .trim()
    .min(1)
    .max(255)
    .describe('Base model, e.g. `sd15` or `stabilityai/stable-diffusion-xl-base-1.0`.'),
  epochs: z.int().min(1).max(1000).describe('Training epochs (1-1000).'),
  learningRate: z
    .number()
    .min(0.000001, 'Number must be greater than 0.000001')
    .max(1, 'Number must be less than or equal to 1')
    .describe('Learning rate (0.000001-1.0).'),
  batchSize: z.int().min(1).max(64).describe('Pictures per step (1-64).'),
  resolution: z
    .int()
    .min(128)
    .max(2048)
    .describe('Training resolution in pixels (128-2048); 512 for SD 1.5, 1024 for SDXL.'),
  networkDim: z.int().min(1).max(512).describe('LoRA rank (1-512).'),
  networkAlpha: z.int().min(1).max(512).describe('LoRA alpha (1-512), usually half the rank.'),
  outputPath: z
    .string()
    .min(1)
    .max(255)
    .nullable()
    .describe('Folder for the trained `.safetensors` below the data root: `data/…`, at most 255 characters.'),
  meta: MetaSchema.describe(
    'Free JSON; `optimizer`, `lrScheduler`, `minSnrGamma`, `seed`, `samplePrompts`, `maxSteps` are read by the trainers. `method: "retrieval"` makes an index of the rows, which `POST /jobs/:id/query` searches.',
  ),
  isDefault: z.boolean().describe('Setting this unsets it on all other configurations of the tenant.'),
};

const example = {
  name: 'My Influencer SDXL Balanced',
  description: 'Balanced configuration for SDXL training with 20 epochs',
  modelName: 'stabilityai/stable-diffusion-xl-base-1.0',
  epochs: 20,
  learningRate: 0.0001,
  batchSize: 2,
  resolution: 1024,
  networkDim: 16,
  networkAlpha: 8,
  outputPath: 'data/loras/my-influencer-v1',
  meta: { optimizer: 'AdamW8bit', lrScheduler: 'cosine', minSnrGamma: 5 },
  isDefault: false,
};

export const CreateLoraConfigSchema = z
  .strictObject({
    name: fields.name,
    description: fields.description.default(null),
    modelName: fields.modelName,
    epochs: fields.epochs.default(10),
    learningRate: fields.learningRate.default(0.0001),
    batchSize: fields.batchSize.default(1),
    resolution: fields.resolution.default(512),
    networkDim: fields.networkDim.default(32),
    networkAlpha: fields.networkAlpha.default(16),
    outputPath: fields.outputPath.default(null),
    meta: fields.meta.default({}),
    isDefault: fields.isDefault.default(false),
  })
  .meta({
    example,
  });
export type CreateLoraConfig = z.infer<typeof CreateLoraConfigSchema>;

/** The values of a configuration for one job, without storing one. */
export const JobConfigSchema = CreateLoraConfigSchema.omit({
  name: true,
  description: true,
  outputPath: true,
  isDefault: true,
})
  .extend({ outputPath: fields.outputPath.optional() })
  .meta({
    example: { modelName: 'stabilityai/stable-diffusion-xl-base-1.0', resolution: 1024, meta: { maxSteps: 1000 } },
  });
export type JobConfig = z.infer<typeof JobConfigSchema>;

export const UpdateLoraConfigSchema = z
  .strictObject(fields)
  .partial()
  .meta({ example: { epochs: 30, learningRate: 0.00005, isDefault: true } });
export type UpdateLoraConfig = z.infer<typeof UpdateLoraConfigSchema>;

export const ListLoraConfigsQuerySchema = PageQuerySchema.extend({
  isDefault: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
  modelName: z.string().max(255).optional(),
  sortBy: z.enum(['createdAt', 'updatedAt', 'name']).default('createdAt'),
  sortOrder: SortOrderSchema,
});
export type ListLoraConfigsQuery = z.infer<typeof ListLoraConfigsQuerySchema>;

export const LoraConfigSchema = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    ...fields,
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({
    example: {
      id: '0199d3a0-6b7f-7a10-8f21-4c5d6e7f8091',
      tenantId: 'tenant_demo',
      ...example,
      createdAt: '2025-01-15T11:00:00.000Z',
      updatedAt: '2025-01-15T11:00:00.000Z',
    },
  });
export type LoraConfig = z.infer<typeof LoraConfigSchema>;

export const LoraConfigPageSchema = pageSchema(LoraConfigSchema);

export const DeletedLoraConfigSchema = z.object({ success: z.literal(true), warnings: z.array(z.string()) });
export type DeletedLoraConfig = z.infer<typeof DeletedLoraConfigSchema>;
