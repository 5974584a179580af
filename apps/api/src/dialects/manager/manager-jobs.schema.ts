import { QueryAnswerSchema, QueryJobSchema } from '@influencerai/shared';
import { z } from 'zod';
import { allOrLeftOut, orDefault, orLeftOut } from '../left-out.schema.js';
import { numberOrText } from '../number-or-text.schema.js';
import { pageOfSchema, pageQuerySchema, ReferenceSchema } from './manager.schema.js';

export const TrainingTypeSchema = z
  .enum(['qlora', 'rag', 'standard'])
  .describe(
    '`qlora`: an adapter over a base in 4 bit. `standard`: all weights. `rag`: an index of the rows to search, whatever the model.',
  )
  .meta({ id: 'TrainingType' });
export type ManagerTrainingType = z.infer<typeof TrainingTypeSchema>;

export const ManagerStatusSchema = z
  .enum(['pending', 'queued', 'running', 'completed', 'failed', 'cancelled'])
  .meta({ id: 'TrainingStatus' });
export type ManagerStatus = z.infer<typeof ManagerStatusSchema>;

/** The values of training, as jobs and their defaults have them. */
export const values = {
  training_type: TrainingTypeSchema,
  model_name: z.string().trim().min(1).max(255).describe('Base model.'),
  batch_size: numberOrText(z.int().min(1).max(64)),
  learning_rate: numberOrText(z.number().min(0.000001).max(1)),
  epochs: numberOrText(z.int().min(1).max(1000)),
  lora_r: numberOrText(z.int().min(1).max(512)),
  lora_alpha: numberOrText(z.int().min(1).max(512)),
  lora_dropout: numberOrText(z.number().min(0).max(0.9)),
};

export const CreateManagerJobSchema = z
  .strictObject({
    name: z.string().trim().min(1).max(255),
    description: orLeftOut(z.string().max(2000)),
    dataset_id: ReferenceSchema,
    ...allOrLeftOut(values),
  })
  .describe('What is left out comes from `/config/`.')
  .meta({
    id: 'CreateJob',
    example: {
      name: 'My Training Job',
      description: 'Fine-tuning with custom data',
      dataset_id: 1,
      training_type: 'qlora',
      model_name: 'llama3.2:3b',
      batch_size: 4,
      learning_rate: 0.0002,
      epochs: 3,
      lora_r: 16,
      lora_alpha: 32,
      lora_dropout: 0.05,
    },
  });
export type CreateManagerJob = z.infer<typeof CreateManagerJobSchema>;

export const ListManagerJobsQuerySchema = pageQuerySchema({ size: 10, most: 1000 }).extend({
  status: ManagerStatusSchema.optional(),
});
export type ListManagerJobsQuery = z.infer<typeof ListManagerJobsQuerySchema>;

const state = {
  status: ManagerStatusSchema,
  progress: z.number().describe('Percent.'),
  current_epoch: z.int(),
  current_loss: z.number().nullable(),
  error_message: z.string().nullable(),
};

export const ManagerJobStatusSchema = z.object({ id: z.int(), ...state }).meta({
  id: 'JobStatus',
  example: { id: 1, status: 'running', progress: 45.5, current_epoch: 2, current_loss: 0.234, error_message: null },
});
export type ManagerJobStatus = z.infer<typeof ManagerJobStatusSchema>;

export const ManagerJobSchema = z
  .object({
    id: z.int(),
    name: z.string(),
    description: z.string().nullable(),
    dataset_id: z
      .int()
      .nullable()
      .describe('Stays when the dataset is deleted; null for jobs of before there were numbers.'),
    ...values,
    ...state,
    started_at: z.iso.datetime().nullable(),
    completed_at: z.iso.datetime().nullable(),
    model_path: z
      .string()
      .nullable()
      .describe('Its result below the project root, `data/…`; null until it is completed.'),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'Job' });
export type ManagerJob = z.infer<typeof ManagerJobSchema>;

export const JobPageSchema = pageOfSchema(ManagerJobSchema).meta({ id: 'JobPage' });

/** Queries are an addition to the contract, so the words of the domain are those of this face, too. */
export const ManagerQuerySchema = z
  .strictObject({
    query: QueryJobSchema.shape.query,
    limit: orDefault(numberOrText(QueryJobSchema.shape.limit.removeDefault()), 10),
  })
  .meta({ id: 'Query', example: { query: 'How do I reset my password?', limit: 5 } });

export const ManagerQueryAnswerSchema = z
  .object({ mode: QueryAnswerSchema.shape.mode, items: QueryAnswerSchema.shape.data })
  .meta({
    id: 'QueryAnswer',
    example: {
      mode: 'text' as const,
      items: [{ row: 17, text: 'To reset your password, open the settings.', score: 1.25 }],
    },
  });
export type ManagerQueryAnswer = z.infer<typeof ManagerQueryAnswerSchema>;
