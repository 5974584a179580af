import { z } from 'zod';
import { CreateJobSchema } from './job.schema.js';

export const RerunJobSchema = z
  .strictObject({ priority: CreateJobSchema.shape.priority })
  .meta({ example: { priority: 0 } });
export type RerunJob = z.infer<typeof RerunJobSchema>;
