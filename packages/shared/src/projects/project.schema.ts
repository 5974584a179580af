import { z } from 'zod';
import { MAX_SHARES, sumToHundred } from '../datasets/dataset-mix.schema.js';
import { NumberSchema, PageQuerySchema, pageSchema } from '../http/page.schema.js';
import { JobStatusSchema } from '../jobs/job.schema.js';
import { JobConfigSchema } from '../lora-configs/lora-config.schema.js';

/** What a model is to become good at. */
export const TRAIT_TYPES = ['reasoning', 'coding', 'general_tools'] as const;
export const TraitTypeSchema = z.enum(TRAIT_TYPES);
export type TraitType = z.infer<typeof TraitTypeSchema>;

/**
 * How weights are trained: `lora`, `qlora` over a base in 4 bit, or `full`, all of them. `retrieval` trains none: it makes
 * an index of the rows.
 */
export const TRAINING_TYPES = ['lora', 'qlora', 'full', 'retrieval'] as const;
export const TrainingTypeSchema = z.enum(TRAINING_TYPES);
export type TrainingType = z.infer<typeof TrainingTypeSchema>;

const percentageSchema = z.number().positive().max(100);

const CreateShareSchema = z.strictObject({
  datasetId: z.string().min(1).max(100).describe('A dataset of the kind `fine-tuning`; it must be ready at the start.'),
  percentage: percentageSchema.describe('Of the rows of its trait.'),
});

const CreateTraitSchema = z
  .strictObject({
    type: TraitTypeSchema,
    percentage: percentageSchema
      .optional()
      .describe('Of `maxRows`. Give it for all traits, summing to 100, or for none: then all are alike.'),
    datasets: z
      .array(CreateShareSchema)
      .min(1)
      .refine(sumToHundred, { error: 'Percentages must sum to 100.' })
      .describe('`reasoning` and `coding`: exactly one, at 100. `general_tools`: one or more that sum to 100.'),
  })
  .refine(({ type, datasets }) => type === 'general_tools' || datasets.length === 1, {
    path: ['datasets'],
    error: 'Must be exactly one dataset, at 100.',
  });

const TraitsSchema = z
  .array(CreateTraitSchema)
  .min(1)
  .refine((traits) => traits.flatMap(({ datasets }) => datasets).length <= MAX_SHARES, {
    error: `May name at most ${MAX_SHARES} datasets.`,
  })
  .refine(
    (traits) => {
      const ids = traits.flatMap(({ datasets }) => datasets.map(({ datasetId }) => datasetId));
      return new Set(ids).size === ids.length;
    },
    { error: 'Each dataset may stand in a project once.' },
  )
  .refine(
    (traits) =>
      traits.every(({ percentage }) => percentage === undefined) ||
      (traits.every(({ percentage }) => percentage !== undefined) && sumToHundred(traits as { percentage: number }[])),
    { error: 'Percentages of traits must sum to 100; give them for all traits or for none.' },
  );

const fields = {
  name: z.string().trim().min(1).max(255),
  description: z.string().max(5000).nullable(),
};

/** The values of training, but for the model and the folder, which the project names. */
const ProjectConfigSchema = JobConfigSchema.omit({ modelName: true, outputPath: true });
export type ProjectConfig = z.infer<typeof ProjectConfigSchema>;

const example = {
  name: 'Support answers',
  description: 'Reasons first, then calls tools.',
  baseModel: 'meta-llama/Llama-3.2-3B-Instruct',
  trainingType: 'qlora' as const,
  maxRows: 50_000,
  outputDirectory: 'data/projects/support-answers',
  traits: [
    {
      type: 'reasoning' as const,
      percentage: 60,
      datasets: [{ datasetId: '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d', percentage: 100 }],
    },
    {
      type: 'general_tools' as const,
      percentage: 40,
      datasets: [
        { datasetId: '0199d3a0-6b1f-7d2a-8e4b-1f7b4a2c3d5e', percentage: 70 },
        { datasetId: '0199d3a0-7c2e-7e3b-9f5c-2a8c5b3d4e6f', percentage: 30 },
      ],
    },
  ],
};

export const CreateProjectSchema = z
  .strictObject({
    name: fields.name,
    description: fields.description.default(null),
    baseModel: z.string().trim().min(1).max(255).describe('One that `GET /models` lists by the start.'),
    trainingType: TrainingTypeSchema.default('qlora').describe(
      '`lora`, `qlora` (over a base in 4 bit), `full` (all weights), or `retrieval`: an index to query, whatever the base model. Trainers that know one way only say so in the preview.',
    ),
    maxRows: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(50_000)
      .describe('Rows of the mix, at most; it is smaller where a dataset has too few for its percentage.'),
    seed: z.int().min(0).max(2_147_483_647).default(0).describe('Which rows are drawn; the same seed draws the same.'),
    outputDirectory: z
      .string()
      .min(1)
      .max(255)
      .describe('Folder for the results below the data root: `data/…`. Where something lies there, a folder in it.'),
    traits: TraitsSchema.describe('What it trains, with the datasets that teach it. Cannot be changed afterwards.'),
    config: ProjectConfigSchema.prefault({}).describe('Values of the training, as in a job.'),
  })
  .meta({ example });
export type CreateProject = z.infer<typeof CreateProjectSchema>;

export const UpdateProjectSchema = z
  .strictObject(fields)
  .partial()
  .meta({ example: { name: 'Support answers, second try' } });
export type UpdateProject = z.infer<typeof UpdateProjectSchema>;

export const ListProjectsQuerySchema = PageQuerySchema;
export type ListProjectsQuery = z.infer<typeof ListProjectsQuerySchema>;

export const TraitSchema = z.object({
  type: TraitTypeSchema,
  percentage: z.number().nullable().describe('Of `maxRows`; null: all traits are alike.'),
  datasets: z.array(
    z.object({
      datasetId: z.string(),
      datasetNumber: NumberSchema,
      percentage: z.number(),
      rows: z.int().nullable().describe('How many of its rows are in the mix; null before the first start.'),
    }),
  ),
});
export type Trait = z.infer<typeof TraitSchema>;

export const ProjectSchema = z
  .object({
    id: z.string(),
    number: NumberSchema,
    tenantId: z.string(),
    userId: z.string().nullable().describe('Who created it, where the credential named somebody.'),
    ...fields,
    baseModel: z.string(),
    trainingType: TrainingTypeSchema,
    maxRows: z.int(),
    seed: z.int(),
    outputDirectory: z.string(),
    traits: z.array(TraitSchema),
    config: ProjectConfigSchema,
    status: JobStatusSchema.describe(
      'That of its job; `pending` before there is one. Treat an unknown one as not final.',
    ),
    progress: z.number().describe('Percent of the training steps.'),
    error: z.string().nullable().describe('Why its job failed.'),
    jobId: z.string().nullable().describe('Its job, the newest one; null before the first start.'),
    jobNumber: NumberSchema.nullable(),
    datasetId: z.string().nullable().describe('The mix that it trains on; null before the first start.'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({
    example: {
      id: '0199d3a0-8d3f-7f4c-a06d-3b9d6c4e5f70',
      number: 3,
      tenantId: 'tenant_demo',
      userId: null,
      ...example,
      seed: 0,
      traits: example.traits.map((trait) => ({
        ...trait,
        datasets: trait.datasets.map((share, index) => ({
          ...share,
          datasetNumber: index + 1,
          rows: (500 * trait.percentage * share.percentage) / 100,
        })),
      })),
      config: ProjectConfigSchema.parse({}),
      status: 'running' as const,
      progress: 45.5,
      error: null,
      jobId: '0199d3a0-9e40-7a5d-b17e-4cae7d5f6081',
      jobNumber: 12,
      datasetId: '0199d3a0-9e3f-7b4c-a06d-5dbf8e607192',
      createdAt: '2026-01-15T11:30:00.000Z',
      updatedAt: '2026-01-15T12:15:00.000Z',
    },
  });
export type Project = z.infer<typeof ProjectSchema>;

export const ProjectPageSchema = pageSchema(ProjectSchema);

export const DeletedProjectSchema = z.object({ success: z.literal(true) });
export type DeletedProject = z.infer<typeof DeletedProjectSchema>;

export const ProjectValidationSchema = z
  .object({
    valid: z.boolean().describe('Whether nothing was found wrong.'),
    files: z.object({
      valid: z.boolean(),
      filesChecked: z
        .array(z.string())
        .describe('Files of the job that were read from their first to their last byte.'),
      skipped: z.array(z.string()).describe('What was not looked at, and why.'),
      errors: z.array(z.string()),
    }),
    loading: z.object({
      valid: z.boolean().describe('False when loading failed. Where it could not be tried, `skipped` says why.'),
      skipped: z.string().nullable(),
      errors: z.array(z.string()),
    }),
    errors: z.array(z.string()).describe('What keeps the result from being looked at at all.'),
  })
  .meta({
    example: {
      valid: true,
      files: {
        valid: true,
        filesChecked: ['adapter_config.json', 'support-answers.safetensors'],
        skipped: [],
        errors: [],
      },
      loading: { valid: true, skipped: null, errors: [] },
      errors: [],
    },
  });
export type ProjectValidation = z.infer<typeof ProjectValidationSchema>;
