import { TRAIT_TYPES } from '@influencerai/shared';
import { z } from 'zod';
import { ignored } from '../ignored.schema.js';
import { allOrLeftOut, orDefault, orLeftOut, saysMissing } from '../left-out.schema.js';
import { numberOrText } from '../number-or-text.schema.js';
import { pageOfSchema, ReferenceSchema } from './manager.schema.js';

/** Kinds of training as this contract calls them. */
export const ManagerTrainingTypeSchema = z.enum(['qlora', 'rag', 'standard']);

const name = z.string().trim().min(1).max(255);
const description = z.string().max(5000).nullable();
const output_directory = z
  .string()
  .min(1)
  .max(250)
  .describe("Below the service's data folder; a slash at the beginning stands for that.");
const example = {
  name: 'My Reasoning Project',
  description: 'Fine-tuning for reasoning tasks',
  base_model: 'meta-llama/Llama-3.2-3B-Instruct',
  training_type: 'qlora' as const,
  max_rows: 50_000,
  output_directory: '/output/my-project',
};

/** The form alone; what traits and percentages must be is a rule, whose breach is answered with 400. */
export const ProjectCreateSchema = z
  .strictObject({
    name,
    description: description.default(null),
    base_model: z.string().min(1).max(255),
    training_type: orLeftOut(ManagerTrainingTypeSchema).describe('Without it, `default_training_type`.'),
    max_rows: orDefault(numberOrText(z.int().min(1).max(1_000_000)), 50_000),
    output_directory,
    traits: z.array(
      z.strictObject({
        trait_type: z.enum(TRAIT_TYPES, { error: saysMissing }),
        percentage: orLeftOut(numberOrText(z.number())).describe('Its part of `max_rows`; of all traits or of none.'),
        datasets: z.array(z.strictObject({ dataset_id: ReferenceSchema, percentage: numberOrText(z.number()) })),
      }),
    ),
  })
  .meta({
    id: 'ProjectCreate',
    example: {
      ...example,
      traits: [{ trait_type: 'reasoning', datasets: [{ dataset_id: 1, percentage: 100 }] }],
    },
  });
export type ProjectCreate = z.infer<typeof ProjectCreateSchema>;

/** Taken and not looked at, so that a project that was read can be sent back, changed. */
const READ_ONLY = ['id', 'status', 'progress', 'error_message', 'job_id', 'created_at', 'updated_at'] as const;

/** For the same, but they must be what they are. Ids of traits and rows that were drawn are not looked at. */
export const FixedFieldsSchema = z.object({
  base_model: z.string(),
  training_type: ManagerTrainingTypeSchema,
  max_rows: numberOrText(z.int()),
  output_directory: z.string(),
  traits: z.array(
    z.object({
      trait_type: z.enum(TRAIT_TYPES),
      percentage: numberOrText(z.number()).nullable().default(null),
      datasets: z.array(z.object({ dataset_id: ReferenceSchema, percentage: numberOrText(z.number()) })),
    }),
  ),
});
export const FIXED = FixedFieldsSchema.keyof().options;

export const ProjectUpdateSchema = z
  .strictObject({
    name: orLeftOut(name),
    description: description.optional(),
    ...ignored(READ_ONLY),
    ...allOrLeftOut(FixedFieldsSchema.shape),
  })
  .meta({ id: 'ProjectUpdate', example: { name: 'Updated Project Name', description: 'Updated description' } });
export type ProjectUpdate = z.infer<typeof ProjectUpdateSchema>;

const TraitSchema = z.object({
  id: z.int().describe('Its place in the project.'),
  trait_type: z.enum(TRAIT_TYPES),
  percentage: z.number().nullable().describe('Its part of `max_rows`; null: all traits are alike.'),
  datasets: z.array(
    z.object({
      dataset_id: z.int(),
      percentage: z.number(),
      rows: z.int().nullable().describe('In the mix; null before the first start.'),
    }),
  ),
});

export const ManagerProjectSchema = z
  .object({
    id: z.int(),
    name: z.string(),
    description: z.string().nullable(),
    base_model: z.string(),
    training_type: ManagerTrainingTypeSchema,
    max_rows: z.int(),
    output_directory: z.string(),
    status: z.enum(['pending', 'running', 'completed', 'failed', 'cancelled']),
    progress: z.number().describe('Percent.'),
    error_message: z.string().nullable(),
    job_id: z.int().nullable().describe('The job that trains it; null before the first start.'),
    traits: z.array(TraitSchema),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({
    id: 'Project',
    example: {
      id: 1,
      ...example,
      status: 'running' as const,
      progress: 45.5,
      error_message: null,
      job_id: 5,
      traits: [
        {
          id: 1,
          trait_type: 'reasoning' as const,
          percentage: null,
          datasets: [{ dataset_id: 1, percentage: 100, rows: 50_000 }],
        },
      ],
      created_at: '2024-01-01T00:00:00Z',
      updated_at: '2024-01-01T01:00:00Z',
    },
  });
export type ManagerProject = z.infer<typeof ManagerProjectSchema>;

/** This list, unlike others, does not say how many pages there are. */
export const ManagerProjectPageSchema = pageOfSchema(ManagerProjectSchema).omit({ pages: true });
export type ManagerProjectPage = z.infer<typeof ManagerProjectPageSchema>;

export const ManagerValidationSchema = z
  .object({
    valid: z.boolean(),
    files: z.object({ valid: z.boolean(), files_checked: z.array(z.string()), errors: z.array(z.string()) }),
    loading: z.object({
      valid: z.boolean(),
      errors: z.array(z.string()),
      skipped: z.string().optional().describe('Why loading was not tried.'),
    }),
    errors: z.array(z.string()),
  })
  .meta({
    id: 'ProjectValidation',
    example: {
      valid: true,
      files: { valid: true, files_checked: ['config.json', 'tokenizer.json'], errors: [] },
      loading: { valid: true, errors: [] },
      errors: [],
    },
  });
export type ManagerValidation = z.infer<typeof ManagerValidationSchema>;

export const OutputDirectorySchema = z
  .strictObject({ output_directory })
  .meta({ id: 'OutputDirectory', example: { output_directory: '/output/my-project' } });
export type OutputDirectory = z.infer<typeof OutputDirectorySchema>;

export const OutputDirectoryAnswerSchema = z
  .object({ valid: z.boolean(), writable: z.boolean(), path: z.string(), errors: z.array(z.string()) })
  .meta({
    id: 'OutputDirectoryValidation',
    example: { valid: true, writable: true, path: '/output/my-project', errors: [] },
  });
export type OutputDirectoryAnswer = z.infer<typeof OutputDirectoryAnswerSchema>;

export const ModelNameSchema = z
  .strictObject({ model_name: z.string().min(1).max(255) })
  .meta({ id: 'ModelName', example: { model_name: 'meta-llama/Llama-3.2-3B-Instruct' } });
export type ModelName = z.infer<typeof ModelNameSchema>;

export const ModelAnswerSchema = z
  .object({
    available: z.boolean(),
    model_name: z.string(),
    path: z.string().nullable().describe('Where it lies on the host; null for one that is built in, or not there.'),
    errors: z.array(z.string()),
  })
  .meta({
    id: 'ModelAvailability',
    example: {
      available: true,
      model_name: 'meta-llama/Llama-3.2-3B-Instruct',
      path: '/home/user/.cache/huggingface/hub/models--meta-llama--Llama-3.2-3B-Instruct/snapshots/abc123',
      errors: [],
    },
  });
export type ModelAnswer = z.infer<typeof ModelAnswerSchema>;

export const ModelNamesSchema = z.array(z.string());
