import { Inject, Injectable } from '@nestjs/common';
import {
  AppError,
  type JobPayload,
  type TrainerId,
  TRAINING_TYPES,
  type TrainingSpec,
  TrainingTypeSchema,
} from '@influencerai/shared';
import { findModel, isHubId, isKnownModel, type ModelRegistry, resolveTrainer } from '@influencerai/trainers';
import { CONFIG, type Config } from '../env.js';
import { assertMeta } from '../http/json-limits.js';
import { assertOutputPath } from '../storage/output-path.js';
import { MODELS } from '../models.js';
import { Storage } from '../storage/storage.js';
import type { JobSources } from './job-submissions.repository.js';
import { buildSpec, defaultOutputDir, outputName, type TrainerChoice } from './training-spec.js';

const OUTPUT_PATH = ['payload', 'config', 'outputPath'];

/** What a job is frozen with besides its dataset and configuration. */
export interface FreezeOptions {
  tenantId: string;
  /** The job's, for a folder of its own where the wanted one is taken. */
  id: string;
  /** Trainers that a live worker offers. */
  online: readonly TrainerId[];
  /** In place of the one that the base model calls for. */
  trainer?: TrainerId;
  /** The clients' own trainer, where the base model leaves the choice: it is for pictures, and no entry of the operator's. */
  preferred?: TrainerId | undefined;
  /** Steps in all, in place of what the configuration says. */
  maxSteps?: number;
  /** Where the results go, in place of what the configuration says. */
  outputDir?: string;
  /** Refuses a base model that nothing here could train on, rather than have the job wait or fail. */
  isModelChecked?: boolean;
}

/** Decides what a job trains, with what, and where the result goes. Writes nothing. */
@Injectable()
export class JobSpecs {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(MODELS) private readonly models: ModelRegistry,
    private readonly storage: Storage,
  ) {}

  /** Looks at the values that a job brings along itself. @throws AppError `validation_failed` */
  async check(tenantId: string, { config }: JobPayload): Promise<void> {
    if (!config) return;
    assertMeta(config.meta);
    const { outputPath: path } = config;
    if (typeof path === 'string') await assertOutputPath(this.storage, { tenantId, path }, OUTPUT_PATH);
  }

  /** @throws AppError `dataset_not_ready`, `dataset_kind_mismatch`, `model_unknown`, `spec_unsupported` */
  async freeze(sources: JobSources, options: FreezeOptions): Promise<TrainingSpec> {
    const { dataset, config } = sources;
    if (dataset.status !== 'ready') throw new AppError('dataset_not_ready', { id: dataset.id, status: dataset.status });
    const choice = this.chooseTrainer(sources, options);
    const { isModelChecked = false } = options;
    if (isModelChecked && !this.isAvailable(config.modelName, choice))
      throw new AppError('model_unknown', { model: config.modelName });
    const outputPath = options.outputDir ?? config.outputPath ?? defaultOutputDir(config.name);
    const dir = await this.ownOutputDir(options, outputPath.replace(/\/+$/, ''));
    const output = { dir, name: outputName(outputPath) };
    const spec = buildSpec(sources, choice, output);
    if (choice.trainer === 'retrieval' && options.maxSteps !== undefined)
      throw new AppError('spec_unsupported', { trainer: 'retrieval', reason: 'an index has no steps to grant.' });
    const { maxSteps = spec.training.maxSteps } = options;
    return { ...spec, training: { ...spec.training, maxSteps } };
  }

  private chooseTrainer({ dataset, config }: JobSources, { online, trainer, preferred }: FreezeOptions): TrainerChoice {
    if (config.meta['method'] === 'retrieval') return indexOf(dataset, trainer);
    const { trainer: called, kind } = resolveTrainer(config.modelName, dataset.kind, this.models);
    const isOpen = kind === 'image' && called !== 'tiny' && !findModel(this.models, config.modelName);
    const requestedTrainer = (isOpen ? preferred : undefined) ?? called;
    if ((kind === 'image') !== (dataset.kind === 'lora-training')) {
      throw new AppError('dataset_kind_mismatch', { id: dataset.id, kind: dataset.kind, model: config.modelName });
    }
    if (kind === 'text') assertMethod(config.meta['method'], requestedTrainer);
    const { trainerFallback } = this.config.jobs;
    const present = trainerFallback && !online.includes(requestedTrainer) ? trainerFallback : requestedTrainer;
    return { kind, trainer: trainer ?? present, requestedTrainer };
  }

  /** Whether some host could find the base model: by the registry or on the hub; the built-in trainers need none. */
  private isAvailable(model: string, { trainer }: TrainerChoice): boolean {
    if (trainer === 'retrieval') return true;
    return findModel(this.models, model) !== undefined || isHubId(model) || (trainer === 'tiny' && isKnownModel(model));
  }

  /** What lies in a folder already is never overwritten; the repository settles who of two new jobs gets a new one. */
  private async ownOutputDir({ tenantId, id }: FreezeOptions, dir: string): Promise<string> {
    return (await this.storage.exists({ tenantId, path: dir })) ? `${dir}/${id}` : dir;
  }
}

/** A word that no trainer of texts knows would have the job train something else than was meant. */
function assertMethod(method: unknown, trainer: TrainerId): void {
  if (method === undefined || TrainingTypeSchema.safeParse(method).success) return;
  const reason = `meta.method for texts is one of ${TRAINING_TYPES.join(', ')}.`;
  throw new AppError('spec_unsupported', { trainer, reason });
}

/** An index is made of rows, whatever the base model; nothing stands in for the trainer that makes it. */
function indexOf({ id, kind }: JobSources['dataset'], trainer: TrainerId = 'retrieval'): TrainerChoice {
  if (kind !== 'fine-tuning') throw new AppError('dataset_kind_mismatch', { id, kind, model: 'retrieval' });
  return { kind: 'text', trainer, requestedTrainer: 'retrieval' };
}
