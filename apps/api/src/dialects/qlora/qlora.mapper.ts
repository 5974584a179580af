import { dirname } from 'node:path/posix';
import {
  type Adapter,
  type AppError,
  type CreateJob,
  type CreateTextDataset,
  cutText,
  type Dataset,
  type ErrorCode,
  type FieldIssue,
  type Job,
  type JobMetric,
  JobProgressSchema,
  type JobStatus,
  type Page,
  type TrainingSpec,
} from '@influencerai/shared';
import { plannedSteps } from '@influencerai/trainers';
import type { JobBrief } from '../../jobs/jobs.service.js';
import type { TextSource } from '../../text-datasets/text-datasets.service.js';
import type {
  AdapterInfo,
  AdapterList,
  ChangedAdapter,
  JobList,
  JobState,
  ListedAdapter,
  ListedJob,
  QloraError,
  Started,
  StartRequest,
  Stopped,
  TrainingStatus,
  UploadedTexts,
  UploadRequest,
} from './qlora.schema.js';

/** A job with what it was frozen with, and the newest point of its loss curve. */
export interface TrainedJob {
  job: Job;
  spec: TrainingSpec;
  latest: JobMetric | undefined;
}

const STATUS = {
  queued: 'pending',
  pending: 'pending',
  running: 'running',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
} as const satisfies Record<JobStatus, TrainingStatus>;

/** Whoever stopped a job was told that it is cancelled, which its worker has yet to do. */
const statusOfJob = ({ status, cancelRequestedAt }: Pick<Job, 'status' | 'cancelRequestedAt'>): TrainingStatus =>
  status === 'running' && cancelRequestedAt !== null ? 'cancelled' : STATUS[status];

/** Where the job's texts come from. Those of a submission have no name, so that none is found in place of an upload. */
export const toSource = ({ train_texts = [], dataset_name }: StartRequest): TextSource =>
  dataset_name === undefined ? { texts: train_texts, meta: {} } : { datasetName: dataset_name };

export function toCreateJob(body: StartRequest, datasetId: string): CreateJob {
  const { model_name, dataset_name, lora_config: lora, training_config: training, output_dir } = body;
  return {
    type: 'lora-training',
    priority: 0,
    payload: {
      datasetId,
      name: cutText(dataset_name ?? nameOf(model_name), 100),
      config: {
        modelName: model_name,
        epochs: training.num_epochs,
        learningRate: training.learning_rate,
        batchSize: training.batch_size,
        // Text has none.
        resolution: 512,
        networkDim: lora.r,
        networkAlpha: lora.lora_alpha,
        outputPath: output_dir === undefined ? undefined : toOutputPath(output_dir),
        meta: {
          method: 'qlora',
          ...(training.max_steps > 0 && { maxSteps: training.max_steps }),
          gradientAccumulation: training.gradient_accumulation_steps,
          warmupSteps: training.warmup_steps,
          saveEverySteps: training.save_steps,
          maxLength: training.max_seq_length,
          loraDropout: lora.lora_dropout,
          loraTargetModules: lora.target_modules,
        },
      },
    },
  };
}

/** The model without its namespace. */
const nameOf = (modelName: string): string => modelName.split('/').findLast((part) => part.trim() !== '') ?? modelName;

const ADAPTERS = 'data/loras/';

/** Adapters lie together, so that none comes to lie among what is learned from. The domain refuses what leads elsewhere. */
export function toOutputPath(outputDir: string): string | undefined {
  if (outputDir.startsWith('/')) return outputDir;
  const inside = outputDir.replace(/^(\.\/+)+/, '').replace(/\/+$/, '');
  if (inside === '' || inside === '.') return undefined;
  return inside.startsWith(ADAPTERS) ? inside : ADAPTERS + inside;
}

export const toTexts = ({ train_texts, dataset_name }: UploadRequest, id: string): CreateTextDataset => ({
  texts: train_texts,
  name: dataset_name ?? `dataset-${id}`,
  meta: {},
});

export const fromStarted = ({ id }: Pick<Job, 'id'>): Started => ({
  job_id: id,
  status: 'submitted',
  message: `Training job ${id} submitted successfully`,
});

export const fromStopped = ({ id }: Pick<Job, 'id'>): Stopped => ({
  job_id: id,
  status: 'cancelled',
  message: `Training job ${id} cancelled successfully`,
});

export const fromDataset = ({ meta, stats }: Pick<Dataset, 'meta' | 'stats'>): UploadedTexts => ({
  dataset_name: String(meta['name']),
  num_texts: stats?.rows ?? 0,
  status: 'uploaded',
  message: `Training data uploaded successfully with ${stats?.rows ?? 0} texts`,
});

export function fromJob(trained: TrainedJob): JobState {
  const { job, spec, latest } = trained;
  const { result } = job;
  const progress = progressOf(job);
  const { step, total } = stepsOf(trained);
  const loss = numberOr(result?.['finalLoss'], progress.loss ?? latest?.loss ?? null);
  const status = statusOfJob(job);
  const error = result?.['error'];
  return {
    ...fromListed(trained),
    current_step: step,
    total_steps: total,
    current_loss: loss,
    learning_rate: progress.learningRate ?? latest?.learningRate ?? spec.training.learningRate,
    metrics: { train_loss: loss, eval_loss: null },
    adapter_path: status === 'failed' || status === 'cancelled' ? null : `./${spec.output.dir}`,
    error_message: typeof error === 'string' ? error : null,
  };
}

/** A job of a list. */
export interface BriefJob extends JobBrief {
  latest: JobMetric | undefined;
}

export const fromJobs = (jobs: readonly BriefJob[], total: number): JobList => ({
  jobs: jobs.map(fromListed),
  total,
});

function fromListed(trained: BriefJob): ListedJob {
  const { job, spec } = trained;
  const { step, total } = stepsOf(trained);
  return {
    job_id: job.id,
    model_name: spec.baseModel,
    status: statusOfJob(job),
    progress: job.status === 'completed' ? 100 : Math.min(100, Math.round((1000 * step) / total) / 10),
    created_at: toStamp(job.createdAt),
    started_at: job.startedAt && toStamp(job.startedAt),
    completed_at: job.finishedAt && toStamp(job.finishedAt),
  };
}

function stepsOf({ job, spec, latest }: BriefJob): { step: number; total: number } {
  const { currentStep, totalSteps } = progressOf(job);
  const done = numberOr(job.result?.['steps'], currentStep ?? latest?.step ?? 0);
  if (job.status === 'completed') return { step: done, total: done };
  return { step: done, total: Math.max(1, totalSteps ?? plannedSteps(spec)) };
}

/** What a client that drives its job itself reports may be anything. */
const progressOf = ({ result }: Pick<Job, 'result'>) => Progress.safeParse(result?.['progress']).data ?? {};
const Progress = JobProgressSchema.partial();

const numberOr = <Other>(value: unknown, other: Other): number | Other => (typeof value === 'number' ? value : other);

/** `2025-10-09T12:00:00`: its clients know neither milliseconds nor zones. */
const toStamp = (iso: string): string => iso.slice(0, 'YYYY-MM-DDTHH:MM:SS'.length);

const MEBIBYTE = 1024 * 1024;

const adapterFields = ({ name, path, baseModel, createdAt, sizeBytes, description, status }: Adapter) => ({
  name,
  path: `./${dirname(path)}`,
  model_name: baseModel,
  created_at: toStamp(createdAt),
  // Those of the built-in model are small.
  size_mb: Math.round((1000 * sizeBytes) / MEBIBYTE) / 1000,
  description: description ?? '',
  is_loaded: status === 'loaded',
});

const fromListedAdapter = (adapter: Adapter): ListedAdapter => ({
  ...adapterFields(adapter),
  metrics: { final_loss: adapter.metrics.finalLoss, training_steps: adapter.metrics.steps },
});

export const fromAdapters = ({ data, total }: Page<Adapter>, current: Adapter | undefined): AdapterList => ({
  adapters: data.map(fromListedAdapter),
  total,
  current_adapter: current?.name ?? null,
});

export function fromAdapter(adapter: Adapter): AdapterInfo {
  const { trainingConfig, metrics } = adapter;
  return {
    ...adapterFields(adapter),
    training_config: {
      r: numberOr(trainingConfig['networkDim'], null),
      lora_alpha: numberOr(trainingConfig['networkAlpha'], null),
      learning_rate: numberOr(trainingConfig['learningRate'], null),
    },
    metrics: {
      final_loss: metrics.finalLoss,
      training_steps: metrics.steps,
      training_time_minutes: metrics.trainingTimeMinutes,
    },
  };
}

export const fromChange = <Status extends string>(name: string, status: Status): ChangedAdapter<Status> => ({
  adapter_name: name,
  status,
  message: `Adapter ${name} ${status} successfully`,
});

type Details = AppError['details'];

const SENTENCES: Partial<Record<ErrorCode, (details: Details) => string>> = {
  model_unknown: ({ model }) => `Model ${String(model)} not available`,
  // The dataset is always one of texts.
  dataset_kind_mismatch: ({ model }) => `Model ${String(model)} not available`,
  job_transition_refused: ({ id, from }) => `Job ${String(id)} cannot be cancelled: it is ${String(from)}`,
  adapter_not_found: ({ name }) => `Adapter ${String(name)} not found`,
  adapter_none_loaded: () => 'No adapter currently loaded',
  adapter_not_loaded: () => 'No adapter currently loaded',
};

/** What its clients see as something wrong with the request. */
const BAD_REQUESTS: readonly ErrorCode[] = [
  'dataset_kind_mismatch',
  'dataset_not_ready',
  'job_transition_refused',
  'adapter_none_loaded',
  'adapter_not_loaded',
  'adapter_in_use',
  'adapter_busy',
  'adapter_not_servable',
  'runtime_unavailable',
];

export const statusOf = ({ code, status }: AppError): number => (BAD_REQUESTS.includes(code) ? 400 : status);

/** What failed where the reason alone does not say it. */
const WORK: Readonly<Record<string, string>> = {
  'POST /api/training/start': 'start training',
  'GET /api/training/status/:id': 'get training status',
  'GET /api/training/jobs': 'list training jobs',
  'POST /api/training/stop/:id': 'stop training',
  'POST /api/training/data/upload': 'upload training data',
  'GET /api/adapters': 'list adapters',
  'GET /api/adapters/:name': 'get adapter info',
  'POST /api/adapters/:name/load': 'load adapter',
  'POST /api/adapters/unload': 'unload adapter',
  'DELETE /api/adapters/:name': 'delete adapter',
};

export function fromError(error: AppError, { route }: { route?: string | undefined }): QloraError {
  const { code, details, message } = error;
  const [issue] = details.issues ?? [];
  if (issue) return { error: sentenceOf(issue) };
  const sentence = SENTENCES[code]?.(details);
  if (sentence !== undefined) return { error: sentence };
  const work = WORK[route ?? ''];
  const isFailure = error.status >= 500 || code.startsWith('adapter_');
  if (!isFailure || work === undefined) return { error: message };
  return { error: `Failed to ${work}: ${code === 'internal' ? 'Internal server error' : message}` };
}

/** The one field that has another name in the domain. */
const OUTPUT_PATH = 'payload.config.outputPath';

/** What the schema says names its field; other issues do not. */
function sentenceOf({ path, message }: FieldIssue): string {
  const field = path.join('.') === OUTPUT_PATH ? 'output_dir' : path.join('.');
  return field === '' || path.some((name) => message.startsWith(`${name} `)) ? message : `${field}: ${message}`;
}
