import { Inject, Injectable } from '@nestjs/common';
import { AppError, type TrainerId, type TrainingSpec } from '@influencerai/shared';
import { type ModelRegistry, resolveTrainer } from '@influencerai/trainers';
import { CONFIG, type Config } from '../env.js';
import { MODELS } from '../models.js';
import { Storage } from '../storage/storage.js';
import type { JobSources } from './job-submissions.repository.js';
import { buildSpec, defaultOutputDir, outputName, type TrainerChoice } from './training-spec.js';

/** What a job is frozen with besides its dataset and configuration. */
export interface FreezeOptions {
  tenantId: string;
  /** The job's, for a folder of its own where the wanted one is taken. */
  id: string;
  /** Trainers that a live worker offers. */
  online: readonly TrainerId[];
  /** In place of the one that the base model calls for. */
  trainer?: TrainerId;
  /** Steps in all, in place of what the configuration says. */
  maxSteps?: number;
  /** Where the results go, in place of what the configuration says. */
  outputDir?: string;
}

/** Decides what a job trains, with what, and where the result goes. Writes nothing. */
@Injectable()
export class JobSpecs {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(MODELS) private readonly models: ModelRegistry,
    private readonly storage: Storage,
  ) {}

  /** @throws AppError `dataset_not_ready`, `dataset_kind_mismatch` */
  async freeze(sources: JobSources, options: FreezeOptions): Promise<TrainingSpec> {
    const { dataset, config } = sources;
    if (dataset.status !== 'ready') throw new AppError('dataset_not_ready', { id: dataset.id, status: dataset.status });
    const choice = this.chooseTrainer(sources, options);
    const outputPath = options.outputDir ?? config.outputPath ?? defaultOutputDir(config.name);
    const dir = await this.ownOutputDir(options, outputPath.replace(/\/+$/, ''));
    const output = { dir, name: outputName(outputPath) };
    const spec = buildSpec(sources, choice, output);
    const { maxSteps = spec.training.maxSteps } = options;
    return { ...spec, training: { ...spec.training, maxSteps } };
  }

  private chooseTrainer({ dataset, config }: JobSources, { online, trainer }: FreezeOptions): TrainerChoice {
    const { trainer: requestedTrainer, kind } = resolveTrainer(config.modelName, dataset.kind, this.models);
    if ((kind === 'image') !== (dataset.kind === 'lora-training')) {
      throw new AppError('dataset_kind_mismatch', { id: dataset.id, kind: dataset.kind, model: config.modelName });
    }
    const { trainerFallback } = this.config.jobs;
    const present = trainerFallback && !online.includes(requestedTrainer) ? trainerFallback : requestedTrainer;
    return { kind, trainer: trainer ?? present, requestedTrainer };
  }

  /** What lies in a folder already is never overwritten; the repository settles who of two new jobs gets a new one. */
  private async ownOutputDir({ tenantId, id }: FreezeOptions, dir: string): Promise<string> {
    return (await this.storage.exists({ tenantId, path: dir })) ? `${dir}/${id}` : dir;
  }
}
