import { Inject, Injectable } from '@nestjs/common';
import { AppError, type Job, type JobManifest, type RerunJob, type TrainingSpec } from '@influencerai/shared';
import { inspectDataset } from '../datasets/inspection/inspect-dataset.js';
import { Dispatcher } from '../dispatcher/dispatcher.js';
import { CONFIG, type Config } from '../env.js';
import { newId } from '../http/new-id.js';
import type { WithId } from '../idempotency/creation-id.js';
import { Storage } from '../storage/storage.js';
import type { Principal } from '../auth/principal.js';
import { toManifest } from './job-manifest.mapper.js';
import { type JobSources, JobSubmissionsRepository } from './job-submissions.repository.js';
import { type JobRecord, JobsRepository } from './jobs.repository.js';

type Dataset = JobSources['dataset'];

/** Repeats jobs from what they were frozen with. */
@Injectable()
export class JobRerunService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly jobs: JobsRepository,
    private readonly submissions: JobSubmissionsRepository,
    private readonly dispatcher: Dispatcher,
    private readonly storage: Storage,
  ) {}

  /** @throws AppError `job_not_found` */
  async manifest({ tenantId }: Principal, id: string): Promise<JobManifest> {
    return toManifest(await this.jobs.getRecord(tenantId, id));
  }

  /**
   * Submits a job with the spec of another one, in a folder of its own.
   * @throws AppError `job_not_found`, `dataset_not_found`, `dataset_not_ready`, `dataset_changed`
   */
  async rerun(
    { tenantId, userId }: Principal,
    sourceId: string,
    { id = newId(), priority }: WithId<RerunJob>,
  ): Promise<Job> {
    const source = await this.jobs.getRecord(tenantId, sourceId);
    const dataset = await this.submissions.getDataset(tenantId, source.spec.dataset.id);
    assertSame(source, dataset, dataset.stats?.digest);
    assertSame(source, dataset, await this.presentDigest(tenantId, source.spec, dataset));
    const rerun = { id, source: source.job, spec: inFolderOf(id, source), priority, userId };
    const job = await this.submissions.rerun(rerun, (now) => assertSame(source, now, now.stats?.digest));
    if (job.status === 'pending') this.dispatcher.announce([job]);
    return job;
  }

  /** Files may have changed since they were measured. Of a large dataset the measured digest has to do. */
  private async presentDigest(
    tenantId: string,
    { dataset: { path } }: TrainingSpec,
    { kind, stats }: Dataset,
  ): Promise<string | undefined> {
    const { smallDatasetFiles } = this.config.datasets;
    const listing = await this.storage.list({ tenantId, path }, smallDatasetFiles);
    if (!listing) return `none, since ${path} is gone`;
    if (listing.isTruncated || listing.files.length > smallDatasetFiles) return stats?.digest;
    const signal = AbortSignal.timeout(INSPECTION_MS);
    const inspection = await inspectDataset(kind, { storage: this.storage, listing, signal });
    return inspection.stats.digest;
  }
}

const INSPECTION_MS = 60_000;

/** A job whose dataset was never measured has nothing to compare with. */
function assertSame({ job, spec }: JobRecord, { id, status }: Dataset, is: string | undefined): void {
  if (status !== 'ready') throw new AppError('dataset_not_ready', { id, status });
  const was = spec.dataset.digest;
  if (was === null || was === is) return;
  throw new AppError('dataset_changed', { id, job: job.id, was, is: is ?? 'unknown' });
}

/** Beside the folder of the source where that has its own, else inside it. */
function inFolderOf(id: string, { job, spec }: JobRecord): TrainingSpec {
  const { dir } = spec.output;
  const shared = dir.endsWith(`/${job.id}`) ? dir.slice(0, -job.id.length - 1) : dir;
  return { ...spec, output: { ...spec.output, dir: `${shared}/${id}` } };
}
