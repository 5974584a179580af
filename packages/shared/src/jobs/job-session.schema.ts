import { z } from 'zod';
import { pageSchema } from '../http/page.schema.js';
import { JOB_STATUSES } from './job-status.js';

/** Far more than anybody trains; small enough that no sum of them leaves what a column holds. */
const MOST_STEPS = 10_000_000;

const stepsSchema = z.int().min(1).max(MOST_STEPS);

/** Names a session in a path, too. */
export const SessionNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
    'Must be 1 to 100 letters, digits, ".", "_" and "-", beginning with a letter or digit.',
  );

/** Makes a job a session: it trains the steps that it is granted, and waits between them. */
export const CreateSessionSchema = z.strictObject({
  name: SessionNameSchema.optional().describe("The client's own name for it, unique among the tenant's sessions."),
  maxSteps: stepsSchema.describe(
    'Steps in all, in place of what the configuration says. With the last one the job completes.',
  ),
  steps: z
    .int()
    .min(0)
    .max(MOST_STEPS)
    .default(0)
    .describe('Steps granted at once. With none the job waits for its first grant.'),
  idleSeconds: z
    .int()
    .min(1)
    .max(604_800)
    .optional()
    .describe(
      'How long its trainer is kept when there is nothing to run; then it saves and gives the device back. Default: a setting of the service.',
    ),
});
export type CreateSession = z.infer<typeof CreateSessionSchema>;

export const GrantStepsSchema = z
  .strictObject({ steps: stepsSchema.describe('Added to what was granted before, up to `maxSteps`.') })
  .meta({ example: { steps: 100 } });
export type GrantSteps = z.infer<typeof GrantStepsSchema>;

/**
 * What a session is doing, derived from its job's status and its steps.
 * `waiting`   it has steps to run, and waits for a worker.
 * `training`  a worker runs its steps.
 * `paused`    all granted steps ran; a worker keeps the trainer for the next ones, and with it the device.
 * `parked`    all granted steps ran; it holds nothing, and goes on from its checkpoint with the next ones.
 * `ended`     the job is over.
 */
export const SESSION_STAGES = ['waiting', 'training', 'paused', 'parked', 'ended'] as const;
export const SessionStageSchema = z.enum(SESSION_STAGES);
export type SessionStage = z.infer<typeof SessionStageSchema>;

export const SessionSchema = z
  .object({
    id: z.string().describe("The job's: a session is a job."),
    name: z.string().nullable(),
    stage: SessionStageSchema.describe(
      '`waiting` for a worker, `training`, `paused` with a worker, `parked` without one, or `ended`.',
    ),
    status: z.enum(JOB_STATUSES).describe("The job's."),
    maxSteps: z.int(),
    allowedSteps: z.int().describe('Steps granted since the session began.'),
    completedSteps: z.int().describe('Steps done since the session began, by whichever worker.'),
    remainingSteps: z.int().describe('Granted and not done yet.'),
    lastCheckpointStep: z.int().nullable(),
    lastCheckpointPath: z.string().nullable().describe('Where its weights lie below the project root.'),
    idleSeconds: z.int(),
    error: z.string().nullable().describe('Why the job failed; null unless it did.'),
    cancelRequestedAt: z.iso.datetime().nullable().describe('When somebody asked for its end.'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({
    example: {
      id: '0199d3a0-7c80-7b22-a4f3-5d6e7f8091a2',
      name: 'my-session',
      stage: 'paused',
      status: 'running',
      maxSteps: 2000,
      allowedSteps: 100,
      completedSteps: 100,
      remainingSteps: 0,
      lastCheckpointStep: 100,
      lastCheckpointPath: 'data/loras/first-lora/first-lora-step-000100.safetensors',
      idleSeconds: 300,
      error: null,
      cancelRequestedAt: null,
      createdAt: '2026-01-15T11:30:00.000Z',
      updatedAt: '2026-01-15T12:15:00.000Z',
    },
  });
export type Session = z.infer<typeof SessionSchema>;

export const SessionPageSchema = pageSchema(SessionSchema);
