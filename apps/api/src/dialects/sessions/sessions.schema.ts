import { CreateSessionSchema, fromDigits, GrantStepsSchema, SessionNameSchema } from '@influencerai/shared';
import { z } from 'zod';
import { orLeftOut } from '../left-out.schema.js';
import { numberOrText } from '../number-or-text.schema.js';
import { ToolkitConfigSchema } from './toolkit-config.schema.js';

const sessionId = orLeftOut(SessionNameSchema);
const maxSteps = orLeftOut(numberOrText(CreateSessionSchema.shape.maxSteps));

export const SessionCreateSchema = z
  .strictObject({
    sessionId: sessionId.describe('Names the session in its paths; chosen where it is left out.'),
    session_id: sessionId.describe('The same.'),
    maxSteps: maxSteps.describe('Steps in all, and no more than `train.steps`; by default those.'),
    max_steps: maxSteps.describe('The same.'),
    config: ToolkitConfigSchema,
  })
  .meta({
    id: 'SessionCreate',
    example: {
      sessionId: 'my-session',
      maxSteps: 2000,
      config: {
        job: 'extension',
        config: {
          name: 'my_lora_run',
          process: [
            {
              type: 'sd_trainer',
              training_folder: 'output',
              model: { name_or_path: 'black-forest-labs/FLUX.1-dev' },
              datasets: [{ folder_path: '/data/dataset', caption_ext: 'txt' }],
              train: { steps: 4000, batch_size: 1 },
            },
          ],
        },
      },
    },
  });
export type SessionCreate = z.infer<typeof SessionCreateSchema>;

export const StepsSchema = z
  .strictObject({ steps: numberOrText(GrantStepsSchema.shape.steps) })
  .meta({ id: 'Steps', example: { steps: 100 } });
export type Steps = z.infer<typeof StepsSchema>;

export const SESSION_STATUSES = [
  'initializing',
  'running',
  'paused',
  'aborting',
  'aborted',
  'completed',
  'error',
] as const;

export const SessionStatusSchema = z
  .object({
    session_id: z.string(),
    job_id: z.string().describe('Under which the other faces know it.'),
    status: z
      .enum(SESSION_STATUSES)
      .describe(
        '`initializing`: it has steps to run and waits for a worker. `paused`: all granted steps ran, and are saved.',
      ),
    current_step: z.int().describe('Steps done in all.'),
    completed_steps: z.int().describe('The same.'),
    allowed_steps: z.int().describe('Steps granted in all.'),
    remaining_steps: z.int().describe('Granted and not done yet.'),
    max_steps: z.int().describe('Steps that can be granted in all.'),
    finished: z.boolean().describe('Whether training is over, however it ended.'),
    last_checkpoint_step: z.int().nullable(),
    last_checkpoint_path: z.string().nullable().describe('Below the project root: `data/…`.'),
    error: z.string().nullable().describe('Why training failed.'),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({
    id: 'SessionStatus',
    example: {
      session_id: 'my-session',
      job_id: '0199d3a0-7c80-7b22-a4f3-5d6e7f8091a2',
      status: 'paused',
      current_step: 100,
      completed_steps: 100,
      allowed_steps: 100,
      remaining_steps: 0,
      max_steps: 2000,
      finished: false,
      last_checkpoint_step: 100,
      last_checkpoint_path: 'data/loras/my-lora-run/my-lora-run-step-000100.safetensors',
      error: null,
      created_at: '2026-01-15T11:30:00.000Z',
      updated_at: '2026-01-15T12:15:00.000Z',
    },
  });
export type SessionStatus = z.infer<typeof SessionStatusSchema>;

export const ListQuerySchema = z.object({
  limit: fromDigits(z.int().min(1).max(1000)).default(1000).describe('How many at most (1-1000).'),
  offset: fromDigits(z.int().min(0).max(2_147_483_647)).default(0).describe('How many to leave out.'),
});
export type ListQuery = z.infer<typeof ListQuerySchema>;

export const LogsQuerySchema = z.object({
  limit: fromDigits(z.int().min(1).max(2000)).default(200).describe('How many lines at most (1-2000), the newest.'),
});
export type LogsQuery = z.infer<typeof LogsQuerySchema>;

export const LogsSchema = z
  .object({ session_id: z.string(), logs: z.array(z.string()).describe('Lines, oldest first.') })
  .meta({ id: 'Logs' });
export type Logs = z.infer<typeof LogsSchema>;
