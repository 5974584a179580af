import { z } from 'zod';
import type { TrainerId } from '../trainers/trainer-id.js';

/**
 * Messages that travel through BullMQ. They are wake-ups: everything that matters is in PostgreSQL, a message may be
 * lost or come twice, and it holds ids only.
 */
export const TASKS = {
  /** A job waits for a worker of this trainer. */
  'train-lora': z.object({ jobId: z.string() }),
  /** Proves by doing that the queue is alive. */
  canary: z.object({ sentAt: z.int() }),
} as const;

export type TaskName = keyof typeof TASKS;
export type TaskPayload<N extends TaskName> = z.infer<(typeof TASKS)[N]>;

/** Queue that the workers of one trainer listen on. */
export const trainerQueue = (trainer: TrainerId): string => `train-${trainer}`;

export const CANARY_QUEUE = 'canary';
