import { z } from 'zod';
import { TRAINER_IDS, TrainerIdSchema } from '../trainers/trainer-id.js';
import { TrainingSpecSchema } from '../trainers/training-spec.schema.js';

export const GpuSchema = z.object({
  index: z.int().min(0).max(1023),
  name: z.string().max(200),
  memoryMiB: z.int().min(0).max(2_147_483_647),
});
export type Gpu = z.infer<typeof GpuSchema>;

/** A trainer that a worker has and does not offer. */
export const UnusableTrainerSchema = z.object({
  trainer: TrainerIdSchema,
  reason: z.string().min(1).max(500).describe('Why it cannot start there.'),
});
export type UnusableTrainer = z.infer<typeof UnusableTrainerSchema>;

/** One attempt at a job. The attempt number is the fence: writes of an older one are refused. */
export const HeldJobSchema = z.object({ jobId: z.uuid(), attempt: z.int().min(1).max(2_147_483_647) });
export type HeldJob = z.infer<typeof HeldJobSchema>;

export const RegisterWorkerSchema = z.strictObject({
  id: z.uuid().describe('Chosen by the worker and kept over restarts.'),
  host: z.string().min(1).max(255),
  pid: z.int().min(1).max(2_147_483_647),
  version: z.string().max(50),
  slots: z.int().min(1).max(64).describe('Jobs at a time: one per GPU, or CPU slots.'),
  gpus: z.array(GpuSchema).max(64),
  trainers: z.array(TrainerIdSchema).min(1),
  unusable: z
    .array(UnusableTrainerSchema)
    .max(TRAINER_IDS.length)
    .default([])
    .describe('Trainers that are installed there and cannot start.'),
  held: z
    .array(HeldJobSchema)
    .max(64)
    .describe('Attempts that go on. Others that this worker held before are handed back at once.'),
});
export type RegisterWorker = z.infer<typeof RegisterWorkerSchema>;

export const RegisteredWorkerSchema = z.object({
  id: z.string(),
  leaseMs: z.int().describe('A worker that is silent for so long loses its jobs.'),
  heartbeatMs: z.int().describe('How often to send a heartbeat.'),
});
export type RegisteredWorker = z.infer<typeof RegisteredWorkerSchema>;

export const ClaimRequestSchema = z.strictObject({
  trainers: z.array(TrainerIdSchema).min(1).describe('Trainers that can start here right now.'),
});
export type ClaimRequest = z.infer<typeof ClaimRequestSchema>;

export const ClaimedJobSchema = HeldJobSchema.extend({
  tenantId: z.string(),
  spec: TrainingSpecSchema,
  storageRoot: z
    .string()
    .default('')
    .describe('The folder below the data root that `data/` stands for in the spec; empty for the data root itself.'),
  leaseMs: z.int(),
  session: z
    .object({
      allowedSteps: z.int().min(0).describe('Steps granted since the session began.'),
      idleMs: z.int().min(1).describe('How long to keep the trainer when they have all run.'),
      isContinued: z
        .boolean()
        .default(false)
        .describe('Whether its first attempt, too, has a state to go on from: that of a deleted session.'),
    })
    .nullable()
    .default(null)
    .describe('Of a session; null for a job that trains all its steps.'),
});
export type ClaimedJob = z.infer<typeof ClaimedJobSchema>;

/** `job` is null when nothing waits for this worker. */
export const ClaimAnswerSchema = z.object({ job: ClaimedJobSchema.nullable() });
export type ClaimAnswer = z.infer<typeof ClaimAnswerSchema>;

export const HeartbeatSchema = z.strictObject({
  held: z.array(HeldJobSchema).max(64),
  isDraining: z.boolean().default(false),
});
export type Heartbeat = z.infer<typeof HeartbeatSchema>;

/**
 * What a worker must do with an attempt. `continue`: the lease was extended. `cancel`: the tenant wants it stopped;
 * stop the trainer and report `cancelled`. `release`: save, give the slot up and hand the job back. `stop`: the attempt is
 * no longer this worker's; stop and report nothing.
 */
export const DirectiveSchema = HeldJobSchema.extend({
  directive: z.enum(['continue', 'cancel', 'release', 'stop']),
  allowedSteps: z.int().min(0).optional().describe('Of a session: steps granted since it began.'),
});
export type Directive = z.infer<typeof DirectiveSchema>;

export const HeartbeatAnswerSchema = z.object({ jobs: z.array(DirectiveSchema) });
export type HeartbeatAnswer = z.infer<typeof HeartbeatAnswerSchema>;

export const WorkerSchema = z.object({
  id: z.string(),
  host: z.string(),
  version: z.string(),
  slots: z.int(),
  gpus: z.array(GpuSchema),
  trainers: z.array(TrainerIdSchema),
  unusable: z.array(UnusableTrainerSchema).describe('Trainers that are installed there and cannot start.'),
  status: z.enum(['online', 'draining', 'offline']),
  jobs: z.array(HeldJobSchema).describe("Only the calling tenant's jobs."),
  heartbeatAt: z.iso.datetime(),
  registeredAt: z.iso.datetime(),
});
export type Worker = z.infer<typeof WorkerSchema>;

export const WorkerListSchema = z.object({ data: z.array(WorkerSchema) });
