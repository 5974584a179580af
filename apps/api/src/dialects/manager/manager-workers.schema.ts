import { z } from 'zod';
import { orLeftOut, saysMissing } from '../left-out.schema.js';
import { numberOrText } from '../number-or-text.schema.js';

export const WorkerControlSchema = z
  .strictObject({
    action: z.enum(['start', 'stop', 'restart'], { error: saysMissing }),
    worker_count: orLeftOut(numberOrText(z.int().min(1).max(64))).describe('With `start`: how many more.'),
  })
  .meta({ id: 'WorkerControl', example: { action: 'start', worker_count: 2 } });
export type WorkerControl = z.infer<typeof WorkerControlSchema>;

export const WORKER_STATUSES = ['idle', 'busy', 'stopped', 'error'] as const;

const PoolWorkerSchema = z.object({
  id: z.string(),
  status: z.enum(WORKER_STATUSES).describe('`stopped`: it is going; `error`: it has not reported for too long.'),
  current_job_id: z.int().nullable().describe("The caller's job that it runs; null also while it runs another's."),
  jobs_completed: z.int().describe("Of the caller's jobs, since it first registered."),
  started_at: z.iso.datetime(),
  last_activity: z.iso.datetime(),
});

export const WorkerPoolStatusSchema = z
  .object({
    total_workers: z.int(),
    active_workers: z.int().describe('Those that are idle or busy.'),
    idle_workers: z.int(),
    busy_workers: z.int(),
    max_workers: z.int().describe('How many there can be: `max_concurrent_workers`, or as many as the host takes.'),
    workers: z.array(PoolWorkerSchema),
    jobs_in_queue: z.int(),
  })
  .meta({
    id: 'WorkerPool',
    example: {
      total_workers: 4,
      active_workers: 4,
      idle_workers: 2,
      busy_workers: 2,
      max_workers: 8,
      workers: [
        {
          id: 'worker-abc123',
          status: 'busy' as const,
          current_job_id: 5,
          jobs_completed: 10,
          started_at: '2024-01-01T00:00:00Z',
          last_activity: '2024-01-01T01:00:00Z',
        },
      ],
      jobs_in_queue: 3,
    },
  });
export type WorkerPoolStatus = z.infer<typeof WorkerPoolStatusSchema>;
