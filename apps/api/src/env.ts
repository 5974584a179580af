import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { MAX_LINK_SECONDS, TrainerIdSchema } from '@influencerai/shared';
import { z } from 'zod';
import { type RuntimeAddress, readRuntimeAddress } from './adapters/serving/runtime-address.js';
import { readKey } from './auth/api-key.js';

const milliseconds = (fallback: number) => z.coerce.number().int().min(50).max(86_400_000).default(fallback);

const perWindow = (fallback: number) => z.coerce.number().int().min(0).max(1_000_000_000).default(fallback);

export const AUTH_MODES = ['tenant-header', 'token'] as const;

const keyText = z
  .string()
  .refine((text) => readKey(text) !== undefined, 'Must be a key as `bin/admin keys mint` makes it.')
  .optional();

const linkSeconds = (fallback: number) => z.coerce.number().int().min(1).max(MAX_LINK_SECONDS).default(fallback);

const GIB = 2 ** 30;
const count = (fallback: number, max = Number.MAX_SAFE_INTEGER) =>
  z.coerce.number().int().min(1).max(max).default(fallback);

/** Every setting of the API, with its default. `.env.example` is checked against this schema. */
export const EnvSchema = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).describe('PostgreSQL, the truth of the system.'),
  ROW_SECURITY: z
    .enum(['on', 'off'])
    .optional()
    .describe('Whether PostgreSQL itself keeps tenants apart, too. Default: on where AUTH_MODE is token.'),
  DATABASE_POOL_SIZE: z.coerce.number().int().min(2).max(200).default(10).describe('Connections of one API process.'),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/ })
    .optional()
    .describe('Queue and rate limits on Redis. Without it they live in PostgreSQL.'),
  HOST: z.string().default('127.0.0.1').describe('Address to listen on.'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3001).describe('Port to listen on; 0 picks a free one.'),
  DATA_ROOT: z
    .string()
    .default('data')
    .describe(
      'Folder of datasets and results. `data/…` stands for it, or for `tenants/<tenant id>` in it with AUTH_MODE=token.',
    ),
  S3_BUCKET: z.string().optional().describe('Bucket for datasets and results, in place of DATA_ROOT.'),
  S3_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Where the store is. Without it: Amazon's, by S3_REGION."),
  S3_PUBLIC_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where clients reach the store, for signed links, when they reach it elsewhere.'),
  S3_REGION: z.string().default('us-east-1').describe('Region of the bucket.'),
  S3_ACCESS_KEY_ID: z.string().optional().describe('Credentials for the store. Without them: what the host provides.'),
  S3_SECRET_ACCESS_KEY: z.string().optional().describe('The secret of S3_ACCESS_KEY_ID.'),
  S3_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/, 'Must be names with "/" between.')
    .optional()
    .describe('Folder in the bucket; several deployments may share one.'),
  S3_FORCE_PATH_STYLE: z
    .stringbool()
    .default(false)
    .describe("Whether the bucket stands in the path rather than in the host name: most stores other than Amazon's."),
  S3_TIMEOUT_MS: milliseconds(30_000).describe(
    'A request to the store that hears nothing for so long is given up; each is tried three times.',
  ),
  LINK_SECRET: listOf(
    z.string().refine((text) => Buffer.byteLength(text) >= 32, 'Each secret must have at least 32 bytes.'),
  ).describe(
    'Secrets that sign download links where DATA_ROOT holds the files, with commas between: the first signs, all are believed. Default: one that the database keeps.',
  ),
  LINK_LIFETIME_S: linkSeconds(300).describe('How long a download link works when its client does not say.'),
  LINK_MAX_LIFETIME_S: linkSeconds(3_600).describe('How long a client may ask for.'),
  SERVING_RUNTIMES: listOf(
    z
      .string()
      .refine(
        (text) => readRuntimeAddress(text) !== undefined,
        'Must be <name>=<vllm, sglang or llama-cpp>+<http or https URL>, with "#<base model>" behind it where needed.',
      ),
  ).describe(
    'Servers that adapters are loaded into, with commas between, such as `chat=vllm+http://gpu1:8000`. The built-in `tiny` is always there.',
  ),
  SERVING_ROOT: z
    .string()
    .optional()
    .describe(
      'Folder in which adapters are laid for vLLM and SGLang, which must see it under the same path. Default: `.serving` in DATA_ROOT.',
    ),
  SERVING_TIMEOUT_MS: milliseconds(60_000).describe('How long a runtime may take to load an adapter or to answer.'),
  SERVING_SWEEP_MS: milliseconds(30_000).describe(
    'How often runtimes are asked whether they still have their adapters.',
  ),
  SERVING_TINY_SLOTS: count(2, 64).describe('Generations of the built-in models at a time in one API process.'),
  EMBEDDINGS_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      "Base address of a server that speaks OpenAI's embeddings, as http://localhost:8080/v1: indexes are then searched by vectors, too. The same as the workers have.",
    ),
  EMBEDDINGS_MODEL: z.string().min(1).optional().describe('Which of its models to use; the same as the workers have.'),
  EMBEDDINGS_API_KEY: z.string().min(1).optional().describe('Key for it.'),
  RETRIEVAL_SLOTS: count(2, 64).describe('Searches of indexes at a time in one API process.'),
  RETRIEVAL_CACHE_BYTES: count(10 * GIB).describe(
    'Copies of indexes that one API process keeps in the temporary folder, in bytes; also the largest that it searches.',
  ),
  MODELS_FILE: z
    .string()
    .optional()
    .describe(
      '`models.yaml`, the one the workers have: who trains each base model, and with which files. Read at the start.',
    ),
  HF_HOME: z
    .string()
    .optional()
    .describe(
      'Folder of the Hugging Face library, whose cache of models is offered too. Default: `~/.cache/huggingface`.',
    ),
  HF_HUB_CACHE: z
    .string()
    .optional()
    .describe('That cache itself, where it lies elsewhere. Default: `hub` in HF_HOME.'),
  TRAINERS_DIR: z
    .string()
    .default('.local/trainers')
    .describe('Where `bin/trainers install` put trainers on this host: their libraries load what `validate` looks at.'),
  NODE_ENV: z
    .enum(['development', 'test', 'production'])
    .default('development')
    .describe('`production` turns on what protects a public service.'),
  AUTH_MODE: z
    .enum(AUTH_MODES)
    .default('tenant-header')
    .describe(
      'Who is believed: `tenant-header` trusts `x-tenant-id` (development), `token` asks for API keys or tokens.',
    ),
  CREDENTIAL_CACHE_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(60_000)
    .default(5_000)
    .describe(
      'How long a key is believed without asking the database: a revoked one may work so long on other replicas.',
    ),
  OPERATOR_KEY: keyText.describe(
    'A key with the scopes read, write and admin, for no tenant; made known at the start. The one it replaces is revoked.',
  ),
  WORKER_KEY: keyText.describe(
    'A key with the scope worker; made known at the start. Workers have it as API_KEY. The one it replaces is revoked.',
  ),
  JWT_ISSUER: z.string().optional().describe('`iss` of the tokens that are believed. Without it only API keys are.'),
  JWT_AUDIENCE: z.string().optional().describe('`aud` of those tokens.'),
  JWT_JWKS_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where the issuer publishes its keys; by https, but for this machine.'),
  JWT_SECRET: z.string().min(32).optional().describe('Secret shared with the issuer, in place of JWT_JWKS_URL.'),
  JWT_TENANT_CLAIM: z.string().default('tenant_id').describe('Claim that names the tenant.'),
  JWT_USER_CLAIM: z.string().default('sub').describe('Claim that names the user.'),
  JWT_SCOPE_CLAIM: z.string().default('scope').describe('Claim with the scopes: read, write, admin.'),
  TRAINER_FALLBACK: TrainerIdSchema.exclude(['retrieval'])
    .optional()
    .describe('Trainer for jobs whose own trainer no live worker offers. For trying out: `tiny`.'),
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
  SESSION_IDLE_MS: milliseconds(300_000).describe(
    'How long a session that has run its steps keeps its trainer when its client does not say.',
  ),
  CANARY_MS: milliseconds(60_000).describe('How often a message through the queue proves that it is alive.'),
  RATE_LIMITS: z
    .enum(['on', 'off'])
    .optional()
    .describe(
      'Limits on requests. Default: `on` in production and where AUTH_MODE is `token`; else only the one that a contract promises, 10 a minute by `/api/training/submit`. `off` turns that off, too.',
    ),
  RATE_LIMIT_READS: perWindow(100).describe('GET and HEAD requests per tenant and window.'),
  RATE_LIMIT_WRITES: perWindow(10).describe('All other requests per tenant and window; those of workers do not count.'),
  RATE_LIMIT_FACE_FACTOR: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(20)
    .describe('How many times as many requests other contracts have, whose clients know no limits of requests.'),
  RATE_LIMIT_FAILED_LOGINS: perWindow(20).describe('Wrong keys or tokens per address and window.'),
  RATE_LIMIT_WINDOW_S: z.coerce
    .number()
    .int()
    .min(1)
    .max(86_400)
    .default(60)
    .describe('Length of the window; it begins with the first request.'),
  MAX_QUEUED_JOBS: z.coerce
    .number()
    .int()
    .min(0)
    .default(1_000)
    .describe('Queued jobs per tenant: those beyond its concurrent ones.'),
  MAX_STORAGE_BYTES: z.coerce
    .number()
    .int()
    .min(0)
    .default(100 * 1024 ** 3)
    .describe('Uploads and results per tenant. Results of running jobs are stored even beyond it.'),
  SMALL_DATASET_FILES: z.coerce
    .number()
    .int()
    .min(0)
    .default(500)
    .describe('Datasets of at most so many files are checked within the request.'),
  DATASET_PATIENCE_MS: milliseconds(55_000).describe(
    'How long a submission through another contract waits for its dataset to be checked. Proxies often give up after 60 s.',
  ),
  CORS_ORIGINS: listOf(
    z.string().refine(isOrigin, 'Must be an origin such as https://studio.example, without a path.'),
  ).describe(
    'Pages that may read answers in a browser, as origins with commas between. Default: any port of localhost, and none in production.',
  ),
  TRUST_PROXY: listOf(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()])).describe(
    'Addresses or networks of reverse proxies whose `X-Forwarded-*` headers are believed, with commas between. Default: none.',
  ),
  MAX_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(10)
    .default(10_000)
    .describe('Open connections of one API process; further ones are closed at once.'),
  HEADERS_TIMEOUT_MS: milliseconds(15_000).describe('A connection that has not sent its headers after so long ends.'),
  SLOW_CLIENT_MS: milliseconds(30_000).describe(
    'A client that sends less than 1 KiB/s of a body, or takes nothing of an answer, for so long is cut off.',
  ),
  ARTIFACT_MAX_BYTES: count(64 * GIB).describe('Largest file that a worker may store for a job.'),
  UPLOAD_MAX_BYTES: count(20 * GIB).describe('Largest upload, as it is sent.'),
  UPLOAD_MAX_FILE_BYTES: count(10 * GIB).describe('Largest file of an upload.'),
  UPLOAD_MAX_FILES: count(100_000, 100_000).describe(
    'Most files of an upload, skipped ones and folders of an archive included.',
  ),
  UPLOAD_MAX_UNPACKED_BYTES: count(40 * GIB).describe('Most bytes that an uploaded archive may hold.'),
  UPLOAD_MAX_RATIO: count(100).describe('How many times larger than the archive what it holds may be.'),
  UPLOAD_MAX_NAME_BYTES: count(512, 900).describe('Longest name of an uploaded file, its folders included.'),
  UPLOAD_EXPIRES_MS: milliseconds(86_400_000).describe(
    'A resumable upload that nobody goes on with is forgotten after so long.',
  ),
  UPLOAD_MAX_OPEN: count(10).describe('Most uploads of a tenant that are under way at once.'),
  BODY_LIMIT_BYTES: z.coerce.number().int().min(1024).default(1_048_576).describe('Largest JSON body.'),
  TEXTS_BODY_LIMIT_BYTES: z.coerce
    .number()
    .int()
    .min(1024)
    .max(256 * 1024 ** 2)
    .default(32 * 1024 ** 2)
    .describe('Largest JSON body where it holds the texts to train on; never less than BODY_LIMIT_BYTES.'),
  TEXTS_BODY_SLOTS: count(8, 1_000).describe(
    'JSON bodies larger than BODY_LIMIT_BYTES, or of unknown length, that one API process reads at a time; one tenant has at most half of them.',
  ),
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

/** Values with commas between; undefined when none is given. */
function listOf<T extends z.ZodType<string, string>>(item: T) {
  const split = (text: string) => text.split(',').map((part) => part.trim());
  return z.string().transform(split).pipe(z.array(item)).optional();
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

/** Pages of development servers, on whatever port they listen. */
const LOCALHOST = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

export type Config = ReturnType<typeof readConfig>;

/**
 * The settings, grouped and frozen.
 * @throws Error with one line per problem when a variable is missing or wrong.
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env) {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = EnvSchema.safeParse(given);
  if (!parsed.success) throw unusable(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  const env = parsed.data;
  const contradictions = [
    ...problemsOfExposure(env),
    ...problemsOfTokens(env),
    ...problemsOfS3(env),
    ...problemsOfLinks(env),
    ...problemsOfRuntimes(env),
    ...problemsOfEmbeddings(env),
  ];
  if (contradictions.length > 0) throw unusable(contradictions);
  const isProduction = env.NODE_ENV === 'production';
  return Object.freeze({
    isProduction,
    auth: {
      mode: env.AUTH_MODE,
      cacheMs: env.CREDENTIAL_CACHE_MS,
      bootstrap: { operatorKey: env.OPERATOR_KEY, workerKey: env.WORKER_KEY },
      jwt: toJwt(env),
    },
    http: {
      host: env.HOST,
      port: env.PORT,
      corsOrigins: env.CORS_ORIGINS ?? (isProduction ? [] : [LOCALHOST]),
      trustProxy: env.TRUST_PROXY ?? false,
      maxConnections: env.MAX_CONNECTIONS,
      headersTimeoutMs: env.HEADERS_TIMEOUT_MS,
      slowClientMs: env.SLOW_CLIENT_MS,
      bodyLimitBytes: env.BODY_LIMIT_BYTES,
      textsBodyLimitBytes: Math.max(env.TEXTS_BODY_LIMIT_BYTES, env.BODY_LIMIT_BYTES),
      textsBodySlots: env.TEXTS_BODY_SLOTS,
      maxEventStreams: env.MAX_EVENT_STREAMS,
    },
    database: {
      url: env.DATABASE_URL,
      poolSize: env.DATABASE_POOL_SIZE,
      hasRowSecurity: (env.ROW_SECURITY ?? (env.AUTH_MODE === 'token' ? 'on' : 'off')) === 'on',
    },
    redis: { url: env.REDIS_URL },
    storage: { dataRoot: resolve(env.DATA_ROOT), s3: toS3(env), maxArtifactBytes: env.ARTIFACT_MAX_BYTES },
    links: { secrets: env.LINK_SECRET, lifetimeS: env.LINK_LIFETIME_S, maxLifetimeS: env.LINK_MAX_LIFETIME_S },
    serving: {
      runtimes: toRuntimes(env),
      root: resolve(env.SERVING_ROOT ?? join(env.DATA_ROOT, '.serving')),
      timeoutMs: env.SERVING_TIMEOUT_MS,
      sweepMs: env.SERVING_SWEEP_MS,
      tinySlots: env.SERVING_TINY_SLOTS,
    },
    retrieval: {
      slots: env.RETRIEVAL_SLOTS,
      cacheBytes: env.RETRIEVAL_CACHE_BYTES,
      embeddings: toEmbeddings(env),
    },
    models: {
      file: env.MODELS_FILE === undefined ? undefined : resolve(env.MODELS_FILE),
      hubCache: resolve(env.HF_HUB_CACHE ?? join(env.HF_HOME ?? join(homedir(), '.cache/huggingface'), 'hub')),
      trainersDir: resolve(env.TRAINERS_DIR),
    },
    rates: {
      isOn: env.RATE_LIMITS === undefined ? isPublic(env) : env.RATE_LIMITS === 'on',
      /** Whether routes that promise a limit of their own have it. */
      arePromisesKept: env.RATE_LIMITS !== 'off',
      reads: env.RATE_LIMIT_READS,
      writes: env.RATE_LIMIT_WRITES,
      faceFactor: env.RATE_LIMIT_FACE_FACTOR,
      failedLogins: env.RATE_LIMIT_FAILED_LOGINS,
      windowMs: env.RATE_LIMIT_WINDOW_S * 1000,
    },
    quotas: { queuedJobs: env.MAX_QUEUED_JOBS, storageBytes: env.MAX_STORAGE_BYTES },
    datasets: { smallDatasetFiles: env.SMALL_DATASET_FILES, patienceMs: env.DATASET_PATIENCE_MS },
    uploads: {
      maxBytes: env.UPLOAD_MAX_BYTES,
      maxFileBytes: env.UPLOAD_MAX_FILE_BYTES,
      maxFiles: env.UPLOAD_MAX_FILES,
      maxUnpackedBytes: env.UPLOAD_MAX_UNPACKED_BYTES,
      maxRatio: env.UPLOAD_MAX_RATIO,
      maxNameBytes: env.UPLOAD_MAX_NAME_BYTES,
      maxOpen: env.UPLOAD_MAX_OPEN,
      expiresMs: env.UPLOAD_EXPIRES_MS,
    },
    jobs: {
      trainerFallback: env.TRAINER_FALLBACK,
      maxAttempts: env.MAX_ATTEMPTS,
      leaseMs: env.LEASE_MS,
      heartbeatMs: env.HEARTBEAT_MS,
      sweepMs: env.SWEEP_MS,
      renotifyMs: env.RENOTIFY_MS,
      canaryMs: env.CANARY_MS,
      sessionIdleMs: env.SESSION_IDLE_MS,
    },
    log: { level: env.LOG_LEVEL },
  });
}

type Env = z.infer<typeof EnvSchema>;

/** Whether strangers are to be expected. */
const isPublic = ({ NODE_ENV, AUTH_MODE }: Env): boolean => NODE_ENV === 'production' || AUTH_MODE === 'token';

const unusable = (problems: string[]): Error =>
  new Error(
    `The environment is not usable; see .env.example.\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
  );

/** Whoever reaches the port may name any tenant in `tenant-header` mode, so it must not be reached from outside. */
function problemsOfExposure({ NODE_ENV, AUTH_MODE, HOST }: Env): string[] {
  if (NODE_ENV !== 'production' || AUTH_MODE === 'token' || isLoopback(HOST)) return [];
  return [`AUTH_MODE: must be token in production when HOST is ${HOST}; or listen on 127.0.0.1.`];
}

const isSafe = ({ protocol, hostname }: URL): boolean => protocol === 'https:' || isLoopback(hostname);

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.');

function problemsOfTokens(env: Env): string[] {
  const given = [env.JWT_ISSUER, env.JWT_AUDIENCE, env.JWT_JWKS_URL, env.JWT_SECRET].some(
    (value) => value !== undefined,
  );
  if (!given) return [];
  const problems: string[] = [];
  if (env.JWT_ISSUER === undefined) problems.push('JWT_ISSUER: is needed to believe tokens.');
  if (env.JWT_AUDIENCE === undefined) problems.push('JWT_AUDIENCE: is needed to believe tokens.');
  if ((env.JWT_SECRET === undefined) === (env.JWT_JWKS_URL === undefined))
    problems.push('JWT_JWKS_URL: give either this or JWT_SECRET.');
  if (env.NODE_ENV === 'production' && env.JWT_JWKS_URL !== undefined && !isSafe(new URL(env.JWT_JWKS_URL)))
    problems.push('JWT_JWKS_URL: must be https in production: whoever is on the way could sign tokens.');
  return problems;
}

const toJwt = (env: Env) =>
  env.JWT_ISSUER === undefined
    ? undefined
    : {
        issuer: env.JWT_ISSUER,
        audience: env.JWT_AUDIENCE,
        jwksUrl: env.JWT_JWKS_URL,
        secret: env.JWT_SECRET,
        tenantClaim: env.JWT_TENANT_CLAIM,
        userClaim: env.JWT_USER_CLAIM,
        scopeClaim: env.JWT_SCOPE_CLAIM,
      };

function problemsOfS3({ S3_BUCKET, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY }: Env): string[] {
  if (S3_BUCKET === undefined) return [];
  if ((S3_ACCESS_KEY_ID === undefined) === (S3_SECRET_ACCESS_KEY === undefined)) return [];
  return ['S3_SECRET_ACCESS_KEY: goes with S3_ACCESS_KEY_ID; give both or neither.'];
}

const toS3 = (env: Env) =>
  env.S3_BUCKET === undefined
    ? undefined
    : {
        bucket: env.S3_BUCKET,
        endpoint: env.S3_ENDPOINT,
        publicEndpoint: env.S3_PUBLIC_ENDPOINT,
        region: env.S3_REGION,
        credentials:
          env.S3_ACCESS_KEY_ID === undefined || env.S3_SECRET_ACCESS_KEY === undefined
            ? undefined
            : { accessKeyId: env.S3_ACCESS_KEY_ID, secretAccessKey: env.S3_SECRET_ACCESS_KEY },
        prefix: env.S3_PREFIX ?? '',
        forcePathStyle: env.S3_FORCE_PATH_STYLE,
        silenceMs: env.S3_TIMEOUT_MS,
      };

const problemsOfEmbeddings = ({ EMBEDDINGS_URL, EMBEDDINGS_MODEL }: Env): string[] =>
  (EMBEDDINGS_URL === undefined) === (EMBEDDINGS_MODEL === undefined)
    ? []
    : ['EMBEDDINGS_MODEL: goes with EMBEDDINGS_URL; give both or neither.'];

const toEmbeddings = ({ EMBEDDINGS_URL: url, EMBEDDINGS_MODEL: model, EMBEDDINGS_API_KEY: apiKey }: Env) =>
  url !== undefined && model !== undefined ? { url, model, apiKey } : undefined;

const problemsOfLinks = ({ LINK_LIFETIME_S, LINK_MAX_LIFETIME_S }: Env): string[] =>
  LINK_LIFETIME_S > LINK_MAX_LIFETIME_S ? ['LINK_LIFETIME_S: must not be more than LINK_MAX_LIFETIME_S.'] : [];

const toRuntimes = (env: Env): RuntimeAddress[] =>
  (env.SERVING_RUNTIMES ?? []).flatMap((text) => readRuntimeAddress(text) ?? []);

function problemsOfRuntimes(env: Env): string[] {
  const names = toRuntimes(env).map(({ name }) => name);
  const isDoubled = new Set([...names, 'tiny']).size <= names.length;
  return isDoubled ? ['SERVING_RUNTIMES: each name may stand there once, and "tiny" is the built-in one.'] : [];
}

/** Injection token of {@link Config}. */
export const CONFIG = Symbol('CONFIG');
