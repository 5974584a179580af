import { z } from 'zod';
import { MetaSchema, NumberSchema, PageQuerySchema, SortOrderSchema } from '../http/page.schema.js';

export const DATASET_KINDS = ['lora-training', 'fine-tuning'] as const;
export const DatasetKindSchema = z.enum(DATASET_KINDS);
export type DatasetKind = z.infer<typeof DatasetKindSchema>;

export const DATASET_STATUSES = ['pending', 'processing', 'ready', 'failed'] as const;
export const DatasetStatusSchema = z.enum(DATASET_STATUSES);
export type DatasetStatus = z.infer<typeof DatasetStatusSchema>;

export const CreateDatasetSchema = z
  .strictObject({
    kind: DatasetKindSchema.describe('`lora-training`: pictures with captions. `fine-tuning`: rows of text.'),
    path: z
      .string()
      .min(1)
      .max(1024)
      .describe(
        'Folder with its subfolders (or one .jsonl, .csv, .txt file) below the data root, relative to the project root: `data/…`.',
      ),
    meta: MetaSchema.default({}).describe('Free JSON: `imageCount`, `resolution`, `triggerWord`, …'),
  })
  .meta({
    example: {
      kind: 'lora-training',
      path: 'data/datasets/my-influencer',
      meta: { imageCount: 25, resolution: '1024x1024', triggerWord: 'ohwx' },
    },
  });
export type CreateDataset = z.infer<typeof CreateDatasetSchema>;

export const UploadDatasetSchema = z
  .strictObject({
    kind: DatasetKindSchema.describe('`lora-training`: pictures with captions. `fine-tuning`: rows of text.'),
    name: z.string().trim().min(1).max(255).optional().describe('What to call it; kept as `meta.name`.'),
    meta: MetaSchema.default({}).describe('Free JSON: `triggerWord`, …'),
  })
  .meta({ example: { kind: 'lora-training', name: 'Portraits', meta: { triggerWord: 'ohwx' } } });
/** What comes beside the files of an upload. */
export type UploadDataset = z.infer<typeof UploadDatasetSchema>;

export const ListDatasetsQuerySchema = PageQuerySchema.extend({
  status: DatasetStatusSchema.optional(),
  kind: DatasetKindSchema.optional(),
  name: z.string().min(1).max(255).optional().describe('Only those whose `meta.name` this is.'),
  sortBy: z.enum(['createdAt', 'updatedAt']).default('createdAt'),
  sortOrder: SortOrderSchema,
});
export type ListDatasetsQuery = z.infer<typeof ListDatasetsQuerySchema>;

export const UpdateDatasetStatusSchema = z
  .strictObject({ status: DatasetStatusSchema })
  .meta({ example: { status: 'ready' } });
export type UpdateDatasetStatus = z.infer<typeof UpdateDatasetStatusSchema>;

/** What opening every file found. Image fields are 0 for text datasets and the other way round. */
export const DatasetStatsSchema = z.object({
  images: z.int(),
  captions: z.int().describe('Pictures with a non-empty caption file beside them.'),
  rows: z.int(),
  columns: z.array(z.string()),
  bytes: z.int(),
  duplicates: z.int().describe('Files whose content another file has already.'),
  unreadable: z.int(),
  formats: z.record(z.string(), z.int()).describe('Number of pictures by format.'),
  resolutions: z.record(z.string(), z.int()).describe('Number of pictures by `WIDTHxHEIGHT`.'),
  digest: z.string().describe('sha256 over names and contents of the files that training uses.'),
});
export type DatasetStats = z.infer<typeof DatasetStatsSchema>;

export const DatasetProblemSchema = z.object({
  file: z.string().describe('Relative to the dataset folder; empty for the dataset as a whole.'),
  severity: z.enum(['error', 'warning']),
  reason: z.string(),
});
export type DatasetProblem = z.infer<typeof DatasetProblemSchema>;

export const DatasetUploadSchema = z.object({
  files: z.int().describe('Files that were kept.'),
  bytes: z.int().describe('Their size.'),
  skipped: z
    .array(z.object({ name: z.string(), reason: z.string() }))
    .describe('Files that were left out, at most 100 of them: hidden ones and those that no dataset uses.'),
  skippedCount: z.int().describe('Number of all that were left out.'),
});
export type DatasetUpload = z.infer<typeof DatasetUploadSchema>;

export const DatasetSchema = z
  .object({
    id: z.string(),
    number: NumberSchema,
    tenantId: z.string(),
    userId: z.string().nullable().describe('Who registered or uploaded it, where the credential named somebody.'),
    kind: DatasetKindSchema,
    path: z.string(),
    meta: MetaSchema,
    status: DatasetStatusSchema,
    stats: DatasetStatsSchema.nullable().describe('Measured by opening every file; null until that is done.'),
    problems: z.array(DatasetProblemSchema),
    upload: DatasetUploadSchema.nullable().describe('What an upload brought; null for a folder that was there before.'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({
    example: {
      id: '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d',
      number: 3,
      tenantId: 'tenant_demo',
      userId: null,
      kind: 'lora-training',
      path: 'data/datasets/my-influencer',
      meta: { imageCount: 25, resolution: '1024x1024', triggerWord: 'ohwx' },
      status: 'ready',
      stats: {
        images: 25,
        captions: 25,
        rows: 0,
        columns: [],
        bytes: 31_457_280,
        duplicates: 0,
        unreadable: 0,
        formats: { png: 25 },
        resolutions: { '1024x1024': 25 },
        digest: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      },
      problems: [],
      upload: null,
      createdAt: '2025-01-15T10:30:00.000Z',
      updatedAt: '2025-01-15T10:30:00.000Z',
    },
  });
export type Dataset = z.infer<typeof DatasetSchema>;

export const DeletedDatasetSchema = z.object({ success: z.literal(true) });
export type DeletedDataset = z.infer<typeof DeletedDatasetSchema>;

/** What a dataset is called; kept in its `meta`. */
export const DescribeDatasetSchema = z
  .strictObject({
    name: z.string().trim().min(1).max(255).optional().describe('Kept as `meta.name`.'),
    description: z.string().max(2000).nullable().optional().describe('Kept as `meta.description`; null removes it.'),
  })
  .meta({ example: { name: 'Portraits', description: 'Taken in the studio.' } });
export type DescribeDataset = z.infer<typeof DescribeDatasetSchema>;
