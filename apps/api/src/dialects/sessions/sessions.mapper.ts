import {
  type AppError,
  type CreateDataset,
  type CreateJob,
  fieldError,
  type FieldIssue,
  type JobLogLine,
  type JobStatus,
  type JsonValue,
  type PageQuery,
  type Session,
  type SessionStage,
} from '@influencerai/shared';
import { type Detail, isMalformed, problemsOf } from '../fastapi-errors.js';
import type { ListQuery, Logs, SessionCreate, SessionStatus } from './sessions.schema.js';
import type { ToolkitConfig, ToolkitProcess } from './toolkit-config.schema.js';

/** Steps of a session that says nothing of them, as ai-toolkit has it. */
const DEFAULT_STEPS = 1000;

const processOf = ({ config }: ToolkitConfig): ToolkitProcess => config.process[0]!;

/**
 * The dataset that a configuration names. The data root of the service is what its clients call `/data`; a path that is
 * written without the slash means the same. Any other is refused by the domain, which knows what may be named.
 */
export const toDataset = ({ config }: SessionCreate): CreateDataset => ({
  kind: 'lora-training',
  path: processOf(config).datasets[0]!.folder_path.replace(/^\/data\//, 'data/'),
  meta: {},
});

export function toCreateJob(body: SessionCreate, { id, datasetId }: Made): CreateJob {
  const { config } = body;
  const name = body.sessionId ?? body.session_id ?? id;
  const maxSteps = body.maxSteps ?? body.max_steps;
  const process = processOf(config);
  const { trigger_word, train } = process;
  return {
    type: 'lora-training',
    priority: 0,
    payload: {
      datasetId,
      name: config.config.name,
      ...(typeof trigger_word === 'string' && { triggerWords: [trigger_word] }),
      config: toConfig(process),
    },
    session: {
      name,
      maxSteps: Math.min(maxSteps ?? train.steps ?? DEFAULT_STEPS, train.steps ?? Infinity),
      steps: 0,
    },
  };
}

/** What is there before the job is. */
interface Made {
  id: string;
  datasetId: string;
}

type JobConfig = NonNullable<CreateJob['payload']['config']>;

function toConfig(process: ToolkitProcess): JobConfig {
  const { model, train, network, datasets } = process;
  const resolutions = [datasets[0]?.resolution ?? []].flat();
  return {
    modelName: model.name_or_path,
    // The steps decide.
    epochs: 1,
    learningRate: train.lr,
    batchSize: train.batch_size,
    resolution: resolutions.length > 0 ? Math.max(...resolutions) : DEFAULT_RESOLUTION,
    networkDim: network.linear,
    networkAlpha: network.linear_alpha,
    meta: present({ ...metaOfNetwork(process), ...metaOfTraining(process), ...metaOfFiles(process, resolutions) }),
  };
}

const DEFAULT_RESOLUTION = 512;

type Meta = Record<string, JsonValue | undefined>;

const metaOfNetwork = ({ network, model }: ToolkitProcess): Meta => ({
  networkType: network.type,
  convDim: network.conv,
  convAlpha: network.conv_alpha,
  lokrFactor: network.lokr_factor,
  networkDropout: network.dropout,
  quantize: model.quantize,
  quantizeTextEncoder: model.quantize_te,
  lowVram: model.low_vram,
});

const metaOfTraining = ({ train, training_seed }: ToolkitProcess): Meta => ({
  seed: training_seed,
  optimizer: train.optimizer,
  weightDecay: train.optimizer_params?.weight_decay,
  lrScheduler: train.lr_scheduler,
  gradientAccumulation: train.gradient_accumulation ?? train.gradient_accumulation_steps,
  maxGradNorm: train.max_grad_norm,
  noiseOffset: train.noise_offset,
  minSnrGamma: train.min_snr_gamma,
  timestepType: train.timestep_type,
  precision: train.dtype,
  gradientCheckpointing: train.gradient_checkpointing,
  trainTextEncoder: train.train_text_encoder,
  emaDecay: emaOf(train),
  cacheTextEmbeddings: train.cache_text_embeddings,
});

/** What ai-toolkit takes for a decay that is not given. */
const DEFAULT_EMA_DECAY = 0.999;

const emaOf = ({ ema_config }: ToolkitProcess['train']): number | undefined =>
  ema_config?.use_ema ? (ema_config.ema_decay ?? DEFAULT_EMA_DECAY) : undefined;

/** Samples are made of what is asked for, and of nothing where that is nothing. */
const metaOfFiles = ({ train, datasets, save, sample }: ToolkitProcess, resolutions: number[]): Meta => ({
  captionDropoutRate: datasets[0]?.caption_dropout_rate,
  cacheLatentsToDisk: datasets[0]?.cache_latents_to_disk,
  numRepeats: datasets[0]?.num_repeats,
  flipX: datasets[0]?.flip_x,
  resolutions: resolutions.length > 1 ? resolutions : undefined,
  savePrecision: save.dtype,
  saveEverySteps: save.save_every,
  sampleEverySteps: sample.sample_every || undefined,
  samplePrompts: isSampled(train, sample) ? (sample.prompts ?? sample.samples?.map(({ prompt }) => prompt) ?? []) : [],
  negativePrompt: sample.neg,
  guidanceScale: sample.guidance_scale,
  sampleSteps: sample.sample_steps,
});

const isSampled = (
  { disable_sampling }: ToolkitProcess['train'],
  { sample_every }: ToolkitProcess['sample'],
): boolean => !disable_sampling && sample_every !== 0;

const present = (meta: Meta): JobConfig['meta'] =>
  Object.fromEntries(Object.entries(meta).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));

export const toPageQuery = ({ limit, offset }: ListQuery): PageQuery => ({ take: limit, skip: offset });

/** Without steps left it is `paused`, whether a worker keeps its trainer or not: the next grant goes on. */
const STAGES = {
  waiting: 'initializing',
  training: 'running',
  paused: 'paused',
  parked: 'paused',
} as const satisfies Record<Exclude<SessionStage, 'ended'>, SessionStatus['status']>;

const ENDS = {
  queued: undefined,
  pending: undefined,
  running: undefined,
  completed: 'completed',
  failed: 'error',
  cancelled: 'aborted',
} as const satisfies Record<JobStatus, SessionStatus['status'] | undefined>;

function wordFor(session: Session): SessionStatus['status'] {
  const { stage, status, cancelRequestedAt } = session;
  const end = ENDS[status];
  if (end !== undefined || stage === 'ended') return end ?? 'completed';
  if (cancelRequestedAt !== null) return 'aborting';
  return stage === 'paused' && !isSaved(session) ? 'running' : STAGES[stage];
}

/** The checkpoint that ends a budget arrives a little after its last step; a client that reads `paused` looks for it. */
const isSaved = ({ lastCheckpointStep, completedSteps }: Session): boolean =>
  (lastCheckpointStep ?? 0) >= completedSteps;

export const fromSession = (session: Session): SessionStatus => ({
  session_id: nameOf(session),
  job_id: session.id,
  status: wordFor(session),
  current_step: session.completedSteps,
  completed_steps: session.completedSteps,
  allowed_steps: session.allowedSteps,
  remaining_steps: session.remainingSteps,
  max_steps: session.maxSteps,
  finished: ENDS[session.status] !== undefined,
  last_checkpoint_step: session.lastCheckpointStep,
  last_checkpoint_path: session.lastCheckpointPath,
  error: session.error,
  created_at: session.createdAt,
  updated_at: session.updatedAt,
});

/** A session of another face may have no name. */
const nameOf = ({ name, id }: Session): string => name ?? id;

export const fromLines = (session: Session, lines: readonly JobLogLine[]): Logs => ({
  session_id: nameOf(session),
  logs: lines.map(({ text }) => text),
});

/** A line of the stream. */
export async function* fromLog(lines: AsyncGenerator<JobLogLine>): AsyncGenerator<string> {
  for await (const { text } of lines) yield `${text}\n`;
}

/** A request whose form is wrong is 422; a rule that it breaks, 400. */
export const statusOf = (error: AppError): number => (isMalformed(error) ? 422 : asNamed(error).status);

export function fromError(error: AppError): Detail {
  const problems = problemsOf(error);
  if (problems) return { detail: problems };
  const { message, details } = asNamed(error);
  if (!details.issues) return { detail: message };
  return { detail: details.issues.map((issue) => `${placeOf(issue)}: ${issue.message}`).join('; ') };
}

/** Its clients name folders, and know no ids of datasets. */
const asNamed = (error: AppError): AppError =>
  error.code === 'dataset_not_found'
    ? fieldError(['path'], 'Was removed from the datasets meanwhile. Try again.')
    : error;

/** Where in the request stands what the domain refuses by its own name. */
const PLACES: Readonly<Record<string, string>> = {
  path: 'config.config.process.0.datasets.0.folder_path',
  meta: 'config.config.process.0',
};

const placeOf = ({ path }: FieldIssue): string => PLACES[path.join('.')] ?? path.join('.');
