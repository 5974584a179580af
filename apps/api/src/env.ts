import { resolve } from 'node:path';
import { TrainerIdSchema } from '@influencerai/shared';
import { z } from 'zod';

const milliseconds = (fallback: number) => z.coerce.number().int().min(50).max(86_400_000).default(fallback);

/** Every setting of the API, with its default. `.env.example` is checked against this schema. */
export const EnvSchema = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).describe('PostgreSQL, the truth of the system.'),
  DATABASE_POOL_SIZE: z.coerce.number().int().min(2).max(200).default(10).describe('Connections of one API process.'),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/ })
    .optional()
    .describe('Queue on Redis. Without it the queue lives in PostgreSQL.'),
  HOST: z.string().default('127.0.0.1').describe('Address to listen on.'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3001).describe('Port to listen on; 0 picks a free one.'),
  DATA_ROOT: z.string().default('data').describe('Folder of datasets and results; what clients call `data/…`.'),
  MODELS_FILE: z
    .string()
    .optional()
    .describe(
      '`models.yaml`, the one the workers have: who trains each base model, and with which files. Read at the start.',
    ),
  TRAINER_FALLBACK: TrainerIdSchema.optional().describe(
    'Trainer for jobs whose own trainer no live worker offers. For trying out: `tiny`.',
  ),
  MAX_ATTEMPTS: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe('How often an interrupted job is started in all.'),
  LEASE_MS: milliseconds(20_000).describe('A worker that is silent for so long loses its jobs.'),
  HEARTBEAT_MS: milliseconds(5_000).describe('How often workers report.'),
  SWEEP_MS: milliseconds(5_000).describe('How often the dispatcher looks for jobs that need help.'),
  RENOTIFY_MS: milliseconds(30_000).describe('After so long a pending job gets another wake-up message.'),
  CANARY_MS: milliseconds(60_000).describe('How often a message through the queue proves that it is alive.'),
  SMALL_DATASET_FILES: z.coerce
    .number()
    .int()
    .min(0)
    .default(500)
    .describe('Datasets of at most so many files are checked within the request.'),
  BODY_LIMIT_BYTES: z.coerce.number().int().min(1024).default(1_048_576).describe('Largest JSON body.'),
  MAX_EVENT_STREAMS: z.coerce
    .number()
    .int()
    .min(1)
    .default(50)
    .describe('Open event streams per tenant and API process.'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('Least severe log level that is written.'),
});

export type Config = ReturnType<typeof readConfig>;

/**
 * The settings, grouped and frozen.
 * @throws Error with one line per problem when a variable is missing or wrong.
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env) {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = EnvSchema.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`The environment is not usable; see .env.example.\n${problems.join('\n')}`);
  }
  const env = parsed.data;
  return Object.freeze({
    http: {
      host: env.HOST,
      port: env.PORT,
      bodyLimitBytes: env.BODY_LIMIT_BYTES,
      maxEventStreams: env.MAX_EVENT_STREAMS,
    },
    database: { url: env.DATABASE_URL, poolSize: env.DATABASE_POOL_SIZE },
    redis: { url: env.REDIS_URL },
    storage: { dataRoot: resolve(env.DATA_ROOT) },
    models: { file: env.MODELS_FILE === undefined ? undefined : resolve(env.MODELS_FILE) },
    datasets: { smallDatasetFiles: env.SMALL_DATASET_FILES },
    jobs: {
      trainerFallback: env.TRAINER_FALLBACK,
      maxAttempts: env.MAX_ATTEMPTS,
      leaseMs: env.LEASE_MS,
      heartbeatMs: env.HEARTBEAT_MS,
      sweepMs: env.SWEEP_MS,
      renotifyMs: env.RENOTIFY_MS,
      canaryMs: env.CANARY_MS,
    },
    log: { level: env.LOG_LEVEL },
  });
}

/** Injection token of {@link Config}. */
export const CONFIG = Symbol('CONFIG');
