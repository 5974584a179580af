import { STATUS_CODES } from 'node:http';
import type {
  AppError,
  CreateJob,
  Dataset,
  ErrorCode,
  FieldIssue,
  Job,
  JobArtifact,
  JobStatus,
  TrainingSpec,
} from '@influencerai/shared';
import type { FormPart } from '../../http/multipart.js';
import type {
  Outputs,
  SubmitError,
  SubmitRequest,
  SubmitStatus,
  Submitted,
  TrainingConfig,
  Uploaded,
} from './submit.schema.js';

/** A job that was admitted has its slot and is `running` to its user, also while a worker is still to take it. */
const STATUS = {
  queued: 'queued',
  pending: 'running',
  running: 'running',
  completed: 'completed',
  failed: 'failed',
  // Its clients know no cancellation.
  cancelled: 'failed',
} as const satisfies Record<JobStatus, SubmitStatus>;

export const toCreateJob = ({
  dataset_id,
  name,
  type,
  base_model,
  config,
  trigger_words,
}: SubmitRequest): CreateJob => ({
  type: 'lora-training',
  priority: 0,
  payload: {
    datasetId: dataset_id,
    ...(name !== undefined && { name }),
    ...(trigger_words.length > 0 && { triggerWords: trigger_words }),
    config: {
      modelName: base_model,
      // The steps decide.
      epochs: 1,
      learningRate: config.learning_rate,
      batchSize: config.batch_size,
      resolution: config.resolution,
      networkDim: config.lora_rank,
      networkAlpha: config.lora_alpha,
      meta: { maxSteps: config.steps, ...(type === 'dreambooth' && { method: type }) },
    },
  },
});

export const fromJob = ({ id, status }: Job): Submitted => ({
  success: true,
  job_id: id,
  status: STATUS[status],
  message: `Training job ${id} ${STATUS[status]}`,
});

/** The parts of a form as the domain has them: files by one name, and the kind that all of them are of. */
export async function* toUpload(parts: AsyncIterable<FormPart>): AsyncGenerator<FormPart> {
  yield { type: 'field', name: 'kind', value: 'lora-training' };
  for await (const part of parts) yield part.type === 'file' ? { ...part, name: 'files' } : part;
}

export const fromDataset = ({ id, status, problems }: Dataset): Uploaded => ({
  success: status !== 'failed',
  dataset_id: id,
  status,
  message: [`Dataset ${id} ${status}`, ...(status === 'failed' ? problems.map(({ reason }) => reason) : [])].join(': '),
});

export const fromArtifacts = ({ id, status }: Job, artifacts: readonly JobArtifact[]): Outputs => ({
  job_id: id,
  status: STATUS[status],
  files: artifacts.map(({ name, sizeBytes, sha256, createdAt }) => ({
    name,
    size: sizeBytes,
    sha256,
    url: `/public/training/outputs/${id}/${encodeURIComponent(name)}`,
    created_at: createdAt,
  })),
});

export const fromSpec = ({ id, payload }: Pick<Job, 'id' | 'payload'>, spec: TrainingSpec): TrainingConfig => ({
  job_id: id,
  dataset_id: spec.dataset.id,
  name: typeof payload['name'] === 'string' ? payload['name'] : spec.output.name,
  type: spec.extra['method'] === 'dreambooth' ? 'dreambooth' : 'lora',
  base_model: spec.baseModel,
  config: {
    learning_rate: spec.training.learningRate,
    batch_size: spec.training.batchSize,
    steps: spec.training.maxSteps,
    resolution: spec.training.resolution,
    lora_rank: spec.network.dim,
    lora_alpha: spec.network.alpha,
  },
  trigger_words: spec.dataset.triggerWords ?? [],
});

/** The job that a configuration's file name speaks of; nothing is found by any other name. */
export const toJobId = (file: string): string => /^(.+)\.json$/.exec(file)?.[1] ?? '';

const TITLES: Partial<Record<number, string>> = {
  400: 'Invalid Request',
  429: 'Rate Limited',
  500: 'Server Error',
};

const SENTENCES: Partial<Record<ErrorCode, string>> = {
  credentials_missing: 'Missing or invalid authentication token',
  credentials_invalid: 'Missing or invalid authentication token',
  credentials_expired: 'Session expired',
  dataset_of_other_user: 'Dataset belongs to different user',
};

/** What its clients see as something wrong with the request: they know no conflicts. */
const BAD_REQUESTS: readonly ErrorCode[] = ['dataset_not_ready', 'dataset_kind_mismatch'];

export const statusOf = ({ code, status }: AppError): number => (BAD_REQUESTS.includes(code) ? 400 : status);

export function fromError(error: AppError): SubmitError {
  const { code, message, details } = error;
  if (details.issues) {
    const sentences = [...new Set(details.issues.map(sentenceOf))];
    return { error: 'Validation error', message: 'Request validation failed', details: sentences };
  }
  const status = statusOf(error);
  return {
    error: TITLES[status] ?? STATUS_CODES[status] ?? 'Error',
    message: SENTENCES[code] ?? message,
  };
}

/** What the schema says names its field; other issues do not. */
const sentenceOf = ({ path, message }: FieldIssue): string =>
  path.length === 0 || path.some((name) => message.startsWith(`${name} `)) ? message : `${path.join('.')}: ${message}`;
