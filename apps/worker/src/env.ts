import { TRAINER_IDS, TrainerIdSchema } from '@influencerai/shared';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { DATASET_ACCESS } from './datasets/dataset-access.js';
import { containerFields, toContainerSettings } from './runner/container-settings.js';
import {
  downloadFiles,
  downloadVariables,
  libraryVariables,
  passedOnFields,
  passwordsIn,
  withOtherNames,
} from './trainer-environment.js';

const url = (...protocols: string[]) =>
  z
    .string()
    .refine(
      (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
      `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    );

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);

/**
 * A variable that is set to nothing counts as not set: compose files and unit files write it so. Not the one that CUDA
 * reads, to which nothing means no GPU.
 */
const emptyIsUnset = (name: string, value: unknown): unknown =>
  value === '' && name !== 'CUDA_VISIBLE_DEVICES' ? undefined : value;

export const EnvSchema = z.object({
  API_URL: url('http:', 'https:').default('http://localhost:3001').describe('Where the API is.'),
  API_KEY: z
    .string()
    .optional()
    .describe('Key with the scope worker, where the API asks for credentials (AUTH_MODE=token).'),
  REDIS_URL: url('redis:', 'rediss:').optional().describe('Queue on Redis; the same value as the API has.'),
  QUEUE_DATABASE_URL: url('postgres:', 'postgresql:')
    .optional()
    .describe(
      'Queue on PostgreSQL, where REDIS_URL is not set. With neither, the worker asks the API every CLAIM_POLL_MS.',
    ),
  WORKER_DIR: z
    .string()
    .default('.local/worker')
    .describe('Folder of this worker alone: its id, workspaces, undelivered reports.'),
  DATA_ROOT: z.string().default('data').describe('Folder that `data/…` in dataset paths stands for.'),
  DATASET_ACCESS: z
    .enum(DATASET_ACCESS)
    .default('auto')
    .describe(
      '`mount` reads datasets below DATA_ROOT, `fetch` gets them from the API; `auto` mounts where DATA_ROOT has the same files.',
    ),
  DATASET_CACHE_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER)
    .default(50 * 1024 ** 3)
    .describe('Most that datasets from the API may take in WORKER_DIR; those not used for longest go first.'),
  WORKER_SLOTS: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe(
      'Jobs at a time. Default: one per GPU, or half of the CPU cores. With more, jobs share a GPU and its memory.',
    ),
  GPUS_PER_JOB: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe(
      'GPUs of a slot. More than 1: kohya and TRL run a process on each, without step gates; ai-toolkit uses one.',
    ),
  WORKER_TRAINERS: list
    .pipe(z.array(TrainerIdSchema).min(1))
    .optional()
    .describe(`Offer only these, with commas between: ${TRAINER_IDS.join(', ')}. Default: all that can start here.`),
  TINY_PROGRAM: z.string().optional().describe('Main file of the tiny trainer, in place of the one in this project.'),
  CLAIM_POLL_MS: z.coerce
    .number()
    .int()
    .min(20)
    .max(600_000)
    .default(5000)
    .describe('How often to ask for a job when no message comes.'),
  GRACE_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(3_600_000)
    .optional()
    .describe('How long a trainer may take to save and stop. Default: as the trainer needs, 10 s to 3 minutes.'),
  MODELS_FILE: z.string().optional().describe('`models.yaml`: where this host has the base models.'),
  TRAINERS_DIR: z
    .string()
    .default('.local/trainers')
    .describe('Where `bin/trainers install` put kohya, ai-toolkit and TRL.'),
  ...containerFields,
  KEEP_WORKSPACES: z.coerce
    .number()
    .int()
    .min(0)
    .max(10_000)
    .default(0)
    .describe('How many workspaces of ended jobs to keep for looking at.'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  NVIDIA_SMI: z.string().default('nvidia-smi').describe('Program that lists the GPUs.'),
  CUDA_VISIBLE_DEVICES: z
    .string()
    .optional()
    .describe(
      'Use only these GPUs, by the number or the UUID that `nvidia-smi -L` shows, with commas between; -1, or an empty value, trains on the CPU.',
    ),
  HF_HOME: z
    .string()
    .optional()
    .describe('Cache of models from the Hugging Face hub, shared by all jobs. Default: `hub` in WORKER_DIR.'),
  HF_TOKEN: z
    .string()
    .min(8)
    .optional()
    .describe(
      'Token for gated and private models of the hub. Trainers get it for jobs that download; their log never shows it.',
    ),
  HF_ENDPOINT: url('http:', 'https:').optional().describe('A mirror of the Hugging Face hub, for the same jobs.'),
  HUB_MODELS: z
    .enum(['any', 'registry'])
    .default('any')
    .describe('Models of the hub that jobs may train: `any`, or those alone that MODELS_FILE names (`registry`).'),
  EMBEDDINGS_URL: url('http:', 'https:')
    .optional()
    .describe(
      "Base address of a server that speaks OpenAI's embeddings, as http://localhost:8080/v1: indexes then hold vectors, too. The same as the API has.",
    ),
  EMBEDDINGS_MODEL: z.string().min(1).optional().describe('Which of its models to use; the same as the API has.'),
  EMBEDDINGS_API_KEY: z.string().min(1).optional().describe('Key for it. The log of jobs never shows it.'),
  ...passedOnFields,
  PATH: z.string().default('/usr/local/bin:/usr/bin:/bin').describe('Passed on to trainers.'),
  LANG: z.string().default('C.UTF-8').describe('Passed on to trainers.'),
});

const WholeEnvSchema = EnvSchema.refine(
  ({ EMBEDDINGS_URL: url, EMBEDDINGS_MODEL: model }) => (url === undefined) === (model === undefined),
  { path: ['EMBEDDINGS_MODEL'], error: 'goes with EMBEDDINGS_URL; give both or neither' },
);

export type Env = ReturnType<typeof toEnv>;

/** Reads the settings; throws one error that names every problem. */
export const parseEnv = (variables: NodeJS.ProcessEnv): Env => {
  const cleaned = Object.fromEntries(
    Object.entries(withOtherNames(variables)).map(([name, value]) => [name, emptyIsUnset(name, value)]),
  );
  const parsed = WholeEnvSchema.safeParse(cleaned);
  if (parsed.success) return toEnv(parsed.data);
  const problems = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
  throw new EnvError(`The settings are not usable:\n${problems.join('\n')}\nRun with --help for what each one means.`);
};

/** The settings as `process.env` has them. Nothing else reads it. */
export const readEnv = (): Env => parseEnv(process.env);

export class EnvError extends Error {
  override readonly name = 'EnvError';
}

/** Text of `--help`: every variable with its meaning and default. */
export const describeEnv = (): string =>
  Object.entries(EnvSchema.shape)
    .map(([name, schema]) => {
      const fallback = schema instanceof z.ZodDefault ? ` [${String(schema.def.defaultValue)}]` : '';
      return `  ${name}${fallback}\n      ${schema.description ?? 'How much to log.'}`;
    })
    .join('\n');

/** What no log may show. A trainer is given some of it, and one that runs as this user can find the rest. */
const secretsOf = ({ HF_TOKEN, API_KEY, EMBEDDINGS_API_KEY, ...env }: z.infer<typeof EnvSchema>): string[] => [
  ...[HF_TOKEN, API_KEY, EMBEDDINGS_API_KEY].filter((secret) => secret !== undefined),
  ...passwordsIn([env.HF_ENDPOINT, env.HTTPS_PROXY, env.HTTP_PROXY]),
];

const toEnv = (env: z.infer<typeof EnvSchema>) =>
  Object.freeze({
    apiUrl: env.API_URL,
    apiKey: env.API_KEY,
    queue: { redisUrl: env.REDIS_URL, databaseUrl: env.QUEUE_DATABASE_URL },
    workerDir: resolve(env.WORKER_DIR),
    dataRoot: resolve(env.DATA_ROOT),
    datasets: { access: env.DATASET_ACCESS, cacheBytes: env.DATASET_CACHE_BYTES },
    slots: env.WORKER_SLOTS,
    gpusPerJob: env.GPUS_PER_JOB,
    trainers: env.WORKER_TRAINERS,
    tinyProgram: env.TINY_PROGRAM ? resolve(env.TINY_PROGRAM) : undefined,
    claimPollMs: env.CLAIM_POLL_MS,
    graceMs: env.GRACE_MS,
    modelsFile: env.MODELS_FILE ? resolve(env.MODELS_FILE) : undefined,
    trainersDir: resolve(env.TRAINERS_DIR),
    container: env.LAUNCHER === 'docker' ? toContainerSettings(env) : undefined,
    keepWorkspaces: env.KEEP_WORKSPACES,
    logLevel: env.LOG_LEVEL,
    nvidiaSmi: env.NVIDIA_SMI,
    visibleGpus: env.CUDA_VISIBLE_DEVICES,
    hubBase: {
      ...(env.HF_TOKEN && { HF_TOKEN: env.HF_TOKEN }),
      ...(env.HF_ENDPOINT && { HF_ENDPOINT: env.HF_ENDPOINT }),
      ...downloadVariables(env),
    },
    hubFiles: downloadFiles(env),
    isHubOpen: env.HUB_MODELS === 'any',
    embeddingsBase:
      env.EMBEDDINGS_URL && env.EMBEDDINGS_MODEL
        ? {
            EMBEDDINGS_URL: env.EMBEDDINGS_URL,
            EMBEDDINGS_MODEL: env.EMBEDDINGS_MODEL,
            ...(env.EMBEDDINGS_API_KEY && { EMBEDDINGS_API_KEY: env.EMBEDDINGS_API_KEY }),
          }
        : {},
    secrets: secretsOf(env),
    trainerBase: {
      PATH: env.PATH,
      LANG: env.LANG,
      HF_HOME: resolve(env.HF_HOME ?? join(env.WORKER_DIR, 'hub')),
      ...libraryVariables(env),
    },
  });
