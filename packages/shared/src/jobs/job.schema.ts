import { z } from 'zod';
import { fromDigits, MetaSchema, NumberSchema, PageQuerySchema, pageSchema } from '../http/page.schema.js';
import { JobConfigSchema } from '../lora-configs/lora-config.schema.js';
import { TrainerIdSchema } from '../trainers/trainer-id.js';
import { CreateSessionSchema } from './job-session.schema.js';
import { JOB_STATUSES } from './job-status.js';

export const JobStatusSchema = z.enum(JOB_STATUSES);

/** No control characters and no separators of lines; written so that other regular expressions understand it, too. */
// eslint-disable-next-line no-control-regex -- it is about them
export const ONE_LINE = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/;

/** One line, since captions are lines. */
export const TriggerWordSchema = z.string().trim().min(1).max(100).regex(ONE_LINE, 'Must be one line of text.');

export const JobPayloadSchema = z
  .strictObject({
    datasetId: z.string().min(1).max(100).describe('The dataset to train on; it must be ready.'),
    loraConfigId: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe('The stored configuration to use; its values are frozen into the job.'),
    config: JobConfigSchema.optional().describe('The values themselves, in place of a stored configuration.'),
    name: z
      .string()
      .trim()
      .min(1)
      .max(100)
      .optional()
      .describe("What to call the job; its output folder is named after it. Default: the configuration's name."),
    description: z.string().max(2000).optional().describe('What it is for, in words.'),
    triggerWords: z
      .array(TriggerWordSchema)
      .min(1)
      .max(16)
      .optional()
      .describe("Put before every caption that lacks them, in place of the dataset's `meta.triggerWord`."),
  })
  .refine(({ loraConfigId, config }) => (loraConfigId === undefined) !== (config === undefined), {
    path: ['loraConfigId'],
    message: 'Name a stored configuration here, or give its values as "config".',
    // Also where another field is wrong, so that all is said at once.
    when: ({ value }) => typeof value === 'object' && value !== null,
  })
  .meta({ oneOf: [{ required: ['loraConfigId'] }, { required: ['config'] }] });
export type JobPayload = z.infer<typeof JobPayloadSchema>;

export const CreateJobSchema = z
  .strictObject({
    type: z.enum(['lora-training']).describe('Job type.'),
    payload: JobPayloadSchema,
    priority: z
      .int()
      .min(-100)
      .max(100)
      .default(0)
      .describe("Among the tenant's own waiting jobs, higher starts first."),
    session: CreateSessionSchema.optional().describe(
      'Makes the job a session: it trains the steps that `POST /jobs/:id/steps` grants, and waits between them.',
    ),
  })
  .meta({
    example: {
      type: 'lora-training',
      payload: {
        datasetId: '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d',
        loraConfigId: '0199d3a0-6b7f-7a10-8f21-4c5d6e7f8091',
      },
    },
  });
export type CreateJob = z.infer<typeof CreateJobSchema>;

export const ListJobsQuerySchema = PageQuerySchema.extend({
  status: JobStatusSchema.optional(),
  type: z.string().min(1).max(100).optional(),
  kind: z.enum(['image', 'text']).optional().describe('What the base model learns from.'),
});
export type ListJobsQuery = z.infer<typeof ListJobsQuerySchema>;

/** One point of the loss curve. */
export const JobMetricSchema = z.object({
  step: z.int().min(1).max(2_147_483_647),
  epoch: z.int().min(0).max(2_147_483_647),
  loss: z.number(),
  learningRate: z.number().nullable().default(null),
});
export type JobMetric = z.infer<typeof JobMetricSchema>;

export const UpdateJobSchema = z
  .strictObject({
    status: JobStatusSchema.optional(),
    result: MetaSchema.nullable().optional().describe('Replaces the result as a whole.'),
    costTok: z.int().min(0).max(2_147_483_647).nullable().optional().describe('Cost, in tokens of account.'),
    attempt: z
      .int()
      .min(1)
      .max(2_147_483_647)
      .optional()
      .describe('The attempt that the writer holds. An older one gets 409.'),
    metrics: z.array(JobMetricSchema).max(1000).optional().describe('Points of the loss curve, appended.'),
    steps: z
      .int()
      .min(0)
      .max(2_147_483_647)
      .optional()
      .describe('Of a session: steps done since it began. Never counts down.'),
    refusal: z
      .string()
      .min(1)
      .max(1000)
      .optional()
      .describe(
        'With `status: "pending"` and `attempt`: why the worker that holds the job cannot run it. It gets the job no more until it registers again.',
      ),
    isPassing: z
      .boolean()
      .optional()
      .describe(
        'Of a `refusal`: what the worker lacks may come by itself, as room on its disk does. It gets the job again after a few minutes.',
      ),
    interruption: z
      .string()
      .min(1)
      .max(1000)
      .optional()
      .describe(
        'The same of an attempt that had begun to train, as when the disk of its host is full. The worker gets the job again after a few minutes. It counts as an interruption: the job fails after too many.',
      ),
  })
  .meta({
    example: { status: 'running', result: { progress: { currentEpoch: 5, totalEpochs: 20, loss: 0.0456 } } },
  });
export type UpdateJob = z.infer<typeof UpdateJobSchema>;

/** `result` of a running job. */
export const JobProgressSchema = z.object({
  currentEpoch: z.int(),
  totalEpochs: z.int(),
  currentStep: z.int(),
  totalSteps: z.int(),
  loss: z.number().nullable(),
  learningRate: z.number().nullable(),
  stepsPerSecond: z.number().nullable(),
  secondsRemaining: z.number().nullable(),
  estimatedTimeRemaining: z.string().nullable().describe('For people, e.g. "45 minutes".'),
});
export type JobProgress = z.infer<typeof JobProgressSchema>;

export const JobSchema = z
  .object({
    id: z.string(),
    number: NumberSchema,
    tenantId: z.string(),
    userId: z.string().nullable().describe('Who submitted it, where the credential named somebody.'),
    type: z.string(),
    status: JobStatusSchema.describe('New members may be added; treat an unknown one as not final.'),
    payload: MetaSchema,
    result: MetaSchema.nullable().describe(
      '`progress` while it trains, before that `stage`, a sentence for people. The step in it never falls: while another attempt repeats what was lost after the last saved state, or starts over where none was saved, it stays where it was. Then `loraPath` (of an index `indexPath`), `checkpoints`, `finalLoss`, `trainingTimeMinutes` when completed; `error`, `epoch`, `partialCheckpoints` when failed.',
    ),
    costTok: z.int().nullable(),
    startedAt: z.iso.datetime().nullable(),
    finishedAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    trainer: TrainerIdSchema.describe('The program that runs the job.'),
    priority: z.int(),
    attempt: z.int().describe('How often the job was started; more than 1 after a crash or a hand-over.'),
    waitingReason: z.string().nullable().describe('Why a queued or pending job does not run yet.'),
    cancelRequestedAt: z.iso
      .datetime()
      .nullable()
      .describe('When cancellation was asked for; a running job stops shortly after.'),
    rerunOf: z.string().nullable().describe('The job whose frozen values this one repeats.'),
  })
  .meta({
    example: {
      id: '0199d3a0-7c80-7b22-a4f3-5d6e7f8091a2',
      number: 12,
      tenantId: 'tenant_demo',
      userId: null,
      type: 'lora-training',
      status: 'running',
      payload: {
        datasetId: '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d',
        loraConfigId: '0199d3a0-6b7f-7a10-8f21-4c5d6e7f8091',
      },
      result: {
        progress: {
          currentEpoch: 12,
          totalEpochs: 20,
          currentStep: 156,
          totalSteps: 260,
          loss: 0.0234,
          estimatedTimeRemaining: '45 minutes',
        },
      },
      costTok: null,
      startedAt: '2026-01-15T11:31:00.000Z',
      finishedAt: null,
      createdAt: '2026-01-15T11:30:00.000Z',
      updatedAt: '2026-01-15T12:15:00.000Z',
      trainer: 'tiny',
      priority: 0,
      attempt: 1,
      waitingReason: null,
      cancelRequestedAt: null,
      rerunOf: null,
    },
  });
export type Job = z.infer<typeof JobSchema>;

export const JobPageSchema = pageSchema(JobSchema);

export const JobSeriesQuerySchema = z.strictObject({
  window: z.enum(['day', 'week', 'month']).default('week').describe('How far back: the last day, 7 days or month.'),
});
export type JobSeriesQuery = z.infer<typeof JobSeriesQuerySchema>;

export const JobSeriesSchema = z.object({
  window: z.enum(['day', 'week', 'month']),
  data: z
    .array(
      z.object({
        date: z.iso.date(),
        completed: z.int(),
        failed: z.int(),
        pending: z.int().describe('Queued jobs included.'),
        running: z.int(),
        cancelled: z.int(),
      }),
    )
    .describe(
      'One row per UTC day that has jobs, oldest first; finished jobs count on the day they finished, others on the day they were created.',
    ),
});
export type JobSeries = z.infer<typeof JobSeriesSchema>;

export const LogStreamSchema = z.enum(['stdout', 'stderr', 'worker']);

export const JobLogLineSchema = z.object({
  seq: z.int().min(0).max(2_147_483_647).describe('Number of the line within its attempt, from 0.'),
  stream: LogStreamSchema,
  text: z.string().max(16_384),
  // ISO 8601 knows a year 0, PostgreSQL does not.
  at: z.iso.datetime().refine((at) => at >= '1970', 'Must not lie before 1970.'),
});
export type JobLogLine = z.infer<typeof JobLogLineSchema>;

/** Lines are stored once: a batch that is sent again changes nothing. */
export const AppendJobLogsSchema = z.strictObject({
  attempt: z.int().min(1).max(2_147_483_647),
  lines: z.array(JobLogLineSchema).min(1).max(1000),
});
export type AppendJobLogs = z.infer<typeof AppendJobLogsSchema>;

export const ListJobLogsQuerySchema = z.strictObject({
  after: z.string().max(40).optional().describe('Cursor of the last line already seen.'),
  limit: fromDigits(z.int().min(1).max(1000)).default(200),
});
export type ListJobLogsQuery = z.infer<typeof ListJobLogsQuerySchema>;

export const JobLogPageSchema = z.object({
  data: z.array(JobLogLineSchema.extend({ attempt: z.int(), cursor: z.string() })),
  hasMore: z.boolean(),
  cursor: z.string().nullable().describe('Pass it as `after` to read on; null when nothing was logged.'),
});
export type JobLogPage = z.infer<typeof JobLogPageSchema>;

export const JobMetricsQuerySchema = z.strictObject({
  maxPoints: fromDigits(z.int().min(2).max(5000))
    .default(500)
    .describe('Longer curves are thinned evenly to this many.'),
});
export type JobMetricsQuery = z.infer<typeof JobMetricsQuerySchema>;

export const JobMetricsSchema = z.object({
  data: z.array(JobMetricSchema),
  total: z.int().describe('Points stored.'),
});
export type JobMetrics = z.infer<typeof JobMetricsSchema>;

/** `lora`: the final weights; `file`: what is needed beside them, such as `adapter_config.json`; `index`: for `POST /jobs/:id/query`. */
export const ARTIFACT_KINDS = ['lora', 'index', 'file', 'checkpoint', 'sample', 'loss-curve', 'state'] as const;
export const ArtifactKindSchema = z.enum(ARTIFACT_KINDS);
export type ArtifactKind = z.infer<typeof ArtifactKindSchema>;

/** Also the folder-free file name under which it is stored and downloaded. */
export const ArtifactNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/,
    'Must be a plain file name: letters, digits, ".", "_" and "-", at most 200.',
  );

export const PutArtifactQuerySchema = z.strictObject({
  attempt: fromDigits(z.int().min(1).max(2_147_483_647)),
  kind: ArtifactKindSchema,
  step: fromDigits(z.int().min(0).max(2_147_483_647)).optional(),
});
export type PutArtifactQuery = z.infer<typeof PutArtifactQuerySchema>;

export const JobArtifactSchema = z.object({
  name: z.string(),
  kind: ArtifactKindSchema,
  step: z.int().nullable(),
  sizeBytes: z.int(),
  sha256: z.string(),
  contentType: z.string(),
  path: z.string().describe('Where the file lies below the project root.'),
  url: z.string().describe('Download path; supports ranges.'),
  createdAt: z.iso.datetime(),
});
export type JobArtifact = z.infer<typeof JobArtifactSchema>;

export const ListArtifactsQuerySchema = z.strictObject({
  kind: ArtifactKindSchema.optional().describe(
    'Only this kind. Without it, everything but `state`, which only resuming needs.',
  ),
});
export type ListArtifactsQuery = z.infer<typeof ListArtifactsQuerySchema>;

export const JobArtifactListSchema = z.object({ data: z.array(JobArtifactSchema) });

/** What `GET /jobs/:id/events` sends as `data`; the SSE `event` field repeats `type`. */
export const JobEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('status'),
    from: JobStatusSchema.nullable(),
    to: JobStatusSchema,
    reason: z.string(),
    attempt: z.int(),
    at: z.iso.datetime(),
  }),
  z.object({ type: z.literal('cancel-requested'), attempt: z.int(), at: z.iso.datetime() }),
  z.object({ type: z.literal('release-requested'), attempt: z.int(), at: z.iso.datetime() }),
  z.object({ type: z.literal('steps-granted'), steps: z.int(), allowedSteps: z.int(), at: z.iso.datetime() }),
  z.object({ type: z.literal('artifact'), artifact: JobArtifactSchema, at: z.iso.datetime() }),
  z.object({ type: z.literal('progress'), progress: JobProgressSchema.partial(), at: z.iso.datetime() }),
]);
export type JobEvent = z.infer<typeof JobEventSchema>;
