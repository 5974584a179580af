import { isTerminal, type JobManifest } from '@influencerai/shared';
import { specDigest } from '@influencerai/trainers';
import type { JobRecord } from './jobs.repository.js';

/** Makes the manifest from the row alone, so that it cannot be lost with a file. */
export const toManifest = ({ job, spec }: JobRecord): JobManifest => {
  const { dataset, training, trainer, requestedTrainer } = spec;
  return {
    version: 1,
    jobId: job.id,
    tenantId: job.tenantId,
    createdAt: job.createdAt,
    type: job.type,
    payload: job.payload,
    rerunOf: job.rerunOf,
    baseModel: spec.baseModel,
    dataset: { id: dataset.id, path: dataset.path, digest: dataset.digest, examples: dataset.examples },
    seed: training.seed,
    spec,
    specDigest: specDigest(spec),
    trainer: { id: trainer, requested: requestedTrainer, version: text(job.result?.['trainerVersion']) ?? null },
    status: job.status,
    attempts: job.attempt,
    startedAt: job.startedAt,
    finishedAt: job.finishedAt,
    result: isTerminal(job.status) ? job.result : null,
  };
};

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
