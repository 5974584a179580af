import { z } from 'zod';

/** Most worker processes of one host. */
const MOST_WORKERS = 64;

export const WorkerPoolActionSchema = z.enum(['start', 'stop', 'restart']);
export type WorkerPoolAction = z.infer<typeof WorkerPoolActionSchema>;

export const ControlWorkerPoolSchema = z
  .strictObject({
    action: WorkerPoolActionSchema.describe(
      '`start` adds workers, `stop` ends all, `restart` replaces all. Workers that end save and hand their jobs back.',
    ),
    workerCount: z.int().min(1).max(MOST_WORKERS).optional().describe('With `start`: how many more.'),
  })
  .refine(({ action, workerCount }) => (action === 'start') === (workerCount !== undefined), {
    path: ['workerCount'],
    error: 'Belongs to the action start, which needs it.',
  })
  .meta({ example: { action: 'start', workerCount: 2 } });
export type ControlWorkerPool = z.infer<typeof ControlWorkerPoolSchema>;

export const WorkerPoolSchema = z
  .object({
    isManaged: z
      .boolean()
      .describe('Whether a supervisor reports here. Where it is false, somebody else runs the workers.'),
    host: z.string().nullable(),
    wanted: z.int().describe('How many workers there should be.'),
    running: z.int().describe('How many processes there are, those that are just starting or stopping included.'),
    maxWorkers: z.int().describe('How many there can be.'),
  })
  .meta({ example: { isManaged: true, host: 'studio-1', wanted: 2, running: 2, maxWorkers: 8 } });
export type WorkerPool = z.infer<typeof WorkerPoolSchema>;

/** What a supervisor says, every other moment. */
export const ReportWorkerPoolSchema = z
  .strictObject({
    host: z.string().min(1).max(255),
    running: z.int().min(0).max(1000),
    maxWorkers: z.int().min(1).max(MOST_WORKERS),
    applied: z.int().min(0).describe('The newest version of the order that it has carried out.'),
    wanted: z
      .int()
      .min(0)
      .max(MOST_WORKERS)
      .optional()
      .describe('With the first report: how many workers to begin with.'),
  })
  .meta({ example: { host: 'studio-1', running: 1, maxWorkers: 8, applied: 0, wanted: 1 } });
export type ReportWorkerPool = z.infer<typeof ReportWorkerPoolSchema>;

export const WorkerPoolOrderSchema = z
  .object({
    version: z.int().describe('Grows with every change.'),
    wanted: z.int(),
    generation: z.int().describe('Grows with every restart: workers of an older one are replaced.'),
  })
  .meta({ example: { version: 3, wanted: 2, generation: 1 } });
export type WorkerPoolOrder = z.infer<typeof WorkerPoolOrderSchema>;
