import { z } from 'zod';
import { ignored } from '../ignored.schema.js';
import { allOrLeftOut } from '../left-out.schema.js';
import { numberOrText } from '../number-or-text.schema.js';
import { values } from './manager-jobs.schema.js';

const fields = {
  max_concurrent_workers: numberOrText(z.int().min(1).max(64)),
  default_model: values.model_name,
  default_training_type: values.training_type,
  default_batch_size: values.batch_size,
  default_learning_rate: values.learning_rate,
  default_epochs: values.epochs,
  default_lora_r: values.lora_r,
  default_lora_alpha: values.lora_alpha,
  default_lora_dropout: values.lora_dropout,
  auto_start_workers: z.boolean().describe('Start a worker for each job that waits and no idle one is there for.'),
};

/** Taken and not looked at, so that a configuration that was read can be sent back, changed. */
export const READ_ONLY = ['id', 'active_workers', 'created_at', 'updated_at'] as const;

export const UpdateManagerConfigSchema = z
  .strictObject({ ...allOrLeftOut(fields), ...ignored(READ_ONLY) })
  .describe('What is left out, or null, stays as it is.')
  .meta({
    id: 'UpdateConfig',
    example: { max_concurrent_workers: 8, default_batch_size: 8, auto_start_workers: true },
  });
export type UpdateManagerConfig = z.infer<typeof UpdateManagerConfigSchema>;

const { max_concurrent_workers, ...others } = fields;

export const ManagerConfigSchema = z
  .object({
    id: z.literal(1),
    max_concurrent_workers,
    active_workers: z.int().describe('Workers that report just now.'),
    ...others,
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'Config' });
export type ManagerConfig = z.infer<typeof ManagerConfigSchema>;
