import { z } from 'zod';
import { CreateLoraConfigSchema } from '../lora-configs/lora-config.schema.js';
import { TrainingTypeSchema } from '../projects/project.schema.js';

const { modelName, epochs, learningRate, batchSize, networkDim, networkAlpha } = CreateLoraConfigSchema.shape;

const fields = {
  modelName: modelName.describe('Base model.'),
  trainingType: TrainingTypeSchema.describe('How weights are trained; `retrieval` makes an index to query.'),
  batchSize: batchSize.unwrap().describe('Rows per step (1-64).'),
  learningRate: learningRate.unwrap(),
  epochs: epochs.unwrap(),
  networkDim: networkDim.unwrap(),
  networkAlpha: networkAlpha.unwrap(),
  loraDropout: z.number().min(0).max(0.9).describe('Share of the adapter that is left out (0-0.9).'),
  maxConcurrentWorkers: z.int().min(1).max(64).describe('How many workers may be started for the tenant (1-64).'),
  autoStartWorkers: z
    .boolean()
    .describe('Whether jobs of the face for model training managers start workers; without effect on others.'),
};

export const UpdateTrainingDefaultsSchema = z
  .strictObject(fields)
  .partial()
  .meta({ example: { batchSize: 8, maxConcurrentWorkers: 8 } });
export type UpdateTrainingDefaults = z.infer<typeof UpdateTrainingDefaultsSchema>;

/** What holds for a tenant that has changed nothing. */
export const TRAINING_DEFAULTS: Required<UpdateTrainingDefaults> = {
  modelName: 'llama3.2:3b',
  trainingType: 'qlora',
  batchSize: 4,
  learningRate: 0.0002,
  epochs: 3,
  networkDim: 16,
  networkAlpha: 32,
  loraDropout: 0.05,
  maxConcurrentWorkers: 4,
  autoStartWorkers: false,
};

export const TrainingDefaultsSchema = z
  .object({
    ...fields,
    createdAt: z.iso.datetime().describe('Of the tenant, until something is changed for the first time.'),
    updatedAt: z.iso.datetime(),
  })
  .meta({
    example: {
      ...TRAINING_DEFAULTS,
      createdAt: '2026-01-15T11:30:00.000Z',
      updatedAt: '2026-01-15T11:30:00.000Z',
    },
  });
export type TrainingDefaults = z.infer<typeof TrainingDefaultsSchema>;
