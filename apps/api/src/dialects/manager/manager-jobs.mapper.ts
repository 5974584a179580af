import {
  AppError,
  type CreateJob,
  type JobProgress,
  JobProgressSchema,
  type JobStatus,
  type QueryAnswer,
  type TrainingDefaults,
  type TrainingType,
} from '@influencerai/shared';
import type { JobRecord } from '../../jobs/jobs.service.js';
import { toStamp } from './manager.mapper.js';
import type {
  CreateManagerJob,
  ManagerJob,
  ManagerJobStatus,
  ManagerQueryAnswer,
  ManagerStatus,
  ManagerTrainingType,
} from './manager-jobs.schema.js';

const STATUS = {
  queued: 'queued',
  pending: 'pending',
  running: 'running',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
} as const satisfies Record<JobStatus, ManagerStatus>;

const TO_TYPE = { qlora: 'qlora', standard: 'full', rag: 'retrieval' } as const satisfies Record<
  ManagerTrainingType,
  TrainingType
>;

export const toTrainingType = (type: ManagerTrainingType): TrainingType => TO_TYPE[type];

/** Other faces also train plain adapters, which this one has no word for. */
const FROM_TYPE = { qlora: 'qlora', full: 'standard', lora: 'standard', retrieval: 'rag' } as const satisfies Record<
  TrainingType,
  ManagerTrainingType
>;

export const fromTrainingType = (type: TrainingType): ManagerTrainingType => FROM_TYPE[type];

/** A job, with the values of the tenant where the request leaves them out. */
export function toCreateJob(body: CreateManagerJob, datasetId: string, defaults: TrainingDefaults): CreateJob {
  const { name, description, training_type } = body;
  return {
    type: 'lora-training',
    priority: 0,
    payload: {
      datasetId,
      name,
      ...(typeof description === 'string' && { description }),
      config: {
        modelName: body.model_name ?? defaults.modelName,
        epochs: body.epochs ?? defaults.epochs,
        learningRate: body.learning_rate ?? defaults.learningRate,
        batchSize: body.batch_size ?? defaults.batchSize,
        resolution: 512,
        networkDim: body.lora_r ?? defaults.networkDim,
        networkAlpha: body.lora_alpha ?? defaults.networkAlpha,
        meta: {
          method: training_type === undefined ? defaults.trainingType : toTrainingType(training_type),
          loraDropout: body.lora_dropout ?? defaults.loraDropout,
        },
      },
    },
  };
}

export function fromJob(record: JobRecord): ManagerJob {
  const { job, spec, datasetNumber } = record;
  const { id, ...state } = fromJobStatus(record);
  const { training, network, extra } = spec;
  return {
    id,
    name: textOf(job.payload['name']) ?? spec.output.name,
    description: textOf(job.payload['description']) ?? null,
    dataset_id: datasetNumber,
    training_type: typeOf(spec),
    model_name: spec.baseModel,
    batch_size: training.batchSize,
    learning_rate: training.learningRate,
    epochs: training.epochs,
    lora_r: network.dim,
    lora_alpha: network.alpha,
    lora_dropout: typeof extra['loraDropout'] === 'number' ? extra['loraDropout'] : USUAL_DROPOUT,
    ...state,
    started_at: job.startedAt && toStamp(job.startedAt),
    completed_at: job.finishedAt && toStamp(job.finishedAt),
    model_path: textOf(job.result?.['loraPath'] ?? job.result?.['indexPath']) ?? null,
    created_at: toStamp(job.createdAt),
    updated_at: toStamp(job.updatedAt),
  };
}

const typeOf = ({ requestedTrainer, extra }: JobRecord['spec']): ManagerTrainingType => {
  if (requestedTrainer === 'retrieval') return 'rag';
  return extra['method'] === 'qlora' || extra['loadIn4bit'] === true ? 'qlora' : 'standard';
};

/** What trainers leave out where a job says nothing. */
const USUAL_DROPOUT = 0.05;

export function fromJobStatus({ job, spec }: JobRecord): ManagerJobStatus {
  const { number, status, cancelRequestedAt, result } = job;
  const progress = progressOf(result);
  const isOver = status === 'completed';
  // A job that ended early says in which epoch.
  const epoch = isOver ? spec.training.epochs : (progress?.currentEpoch ?? wholeOf(result?.['epoch']) ?? 0);
  return {
    id: number,
    // Its worker saves a checkpoint and stops; to whoever cancelled it it is over.
    status: status === 'running' && cancelRequestedAt !== null ? 'cancelled' : STATUS[status],
    progress: isOver ? 100 : percentOf(progress, epoch / spec.training.epochs),
    current_epoch: epoch,
    current_loss: progress?.loss ?? numberOf(result?.['finalLoss']) ?? null,
    error_message: textOf(result?.['error']) ?? null,
  };
}

/** In this contract a job that is `cancelled` cannot be cancelled. @throws AppError `job_transition_refused` */
export function assertCancellable(record: JobRecord): void {
  const { status } = fromJobStatus(record);
  if (status !== 'cancelled') return;
  throw new AppError('job_transition_refused', { id: record.job.id, from: status, to: status, allowed: 'nothing' });
}

export const fromAnswer = ({ mode, data }: QueryAnswer): ManagerQueryAnswer => ({ mode, items: data });

function percentOf(progress: Partial<JobProgress> | undefined, ofEpochs: number): number {
  const { currentStep = 0, totalSteps = 0 } = progress ?? {};
  const share = totalSteps > 0 ? currentStep / totalSteps : ofEpochs;
  return Math.round(Math.min(Math.max(share, 0), 1) * 1000) / 10;
}

/** Progress is what some worker or client wrote. */
const progressOf = (result: JobRecord['job']['result']): Partial<JobProgress> | undefined =>
  JobProgressSchema.partial().safeParse(result?.['progress']).data;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const wholeOf = (value: unknown): number | undefined => (Number.isSafeInteger(value) ? (value as number) : undefined);
