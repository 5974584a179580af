import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import {
  AppError,
  ArtifactNameSchema,
  type ArtifactKind,
  type JobArtifact,
  type PutArtifactQuery,
} from '@influencerai/shared';
import { Storage } from '../storage/storage.js';
import { JobHolders } from '../auth/job-holders.js';
import type { Principal } from '../auth/principal.js';
import { contentTypeOf } from './content-type.js';
import { JobArtifactsRepository, type StoredArtifact } from './job-artifacts.repository.js';
import { JobsRepository } from './jobs.repository.js';

/** Files that training made: weights, checkpoints, samples, the loss curve, states to resume from. */
@Injectable()
export class JobArtifactsService {
  constructor(
    private readonly jobs: JobsRepository,
    private readonly artifacts: JobArtifactsRepository,
    private readonly storage: Storage,
    private readonly holders: JobHolders,
  ) {}

  /**
   * Streams a file of the running attempt into storage and lists it. The fence is checked again when all bytes are
   * there, so that an attempt that ended meanwhile replaces nothing.
   * @throws AppError `job_not_found`, `job_attempt_stale`, `job_not_held` for a state that no worker hands in
   */
  async put(
    caller: Principal,
    id: string,
    name: string,
    query: PutArtifactQuery,
    content: Readable,
  ): Promise<JobArtifact> {
    const { tenantId } = caller;
    const job = await this.jobs.getById(tenantId, id);
    const stale = () => new AppError('job_attempt_stale', { id, attempt: query.attempt, current: job.attempt });
    if (job.attempt !== query.attempt || job.status !== 'running') throw stale();
    // Trainers unpickle states: what a tenant wrote would run on the worker.
    if (query.kind === 'state') await this.holders.requireLease(caller, id);
    const storageKey = keyOf(await this.jobs.outputKeyOf(tenantId, id), id, query.kind, name);
    const listed = { tenantId, jobId: id, attempt: query.attempt, name, kind: query.kind, step: query.step ?? null };
    let artifact: JobArtifact | undefined;
    await this.storage.write(storageKey, content, {
      accept: async (written) => {
        artifact = await this.artifacts.put({ ...listed, ...written, contentType: contentTypeOf(name), storageKey });
        if (!artifact) throw stale();
      },
    });
    if (!artifact) throw new Error('Storage kept a file without asking.');
    if (query.kind === 'state') await this.dropOlderStates(tenantId, id, name);
    return artifact;
  }

  async list({ tenantId }: Principal, id: string, kind: ArtifactKind | undefined): Promise<{ data: JobArtifact[] }> {
    await this.jobs.getById(tenantId, id);
    return { data: (await this.artifacts.list(tenantId, id, kind)).map(({ artifact }) => artifact) };
  }

  /** @throws AppError `job_not_found`, `artifact_not_found` */
  async find({ tenantId }: Pick<Principal, 'tenantId'>, id: string, name: string): Promise<StoredArtifact> {
    await this.jobs.getById(tenantId, id);
    const stored = ArtifactNameSchema.safeParse(name).success
      ? await this.artifacts.find(tenantId, id, name)
      : undefined;
    // Whoever may see the folder may have removed the file from it.
    if (!stored || !(await this.storage.stat(stored.storageKey))) throw new AppError('artifact_not_found', { name });
    return stored;
  }

  /** The bytes of a file, or of an inclusive range of it. */
  read({ storageKey }: StoredArtifact, range?: { start: number; end: number }): Readable {
    return this.storage.read(storageKey, range);
  }

  /** Only the newest state can be resumed from, and states are large. */
  private async dropOlderStates(tenantId: string, jobId: string, newest: string): Promise<void> {
    const states = await this.artifacts.list(tenantId, jobId, 'state');
    for (const { artifact, storageKey } of states.filter((state) => state.artifact.name !== newest)) {
      await this.artifacts.remove(tenantId, jobId, artifact.name);
      await this.storage.remove(storageKey);
    }
  }
}

/** Where a file lies: results in the job's output folder, states out of the tenant's sight. */
function keyOf(outputKey: string, jobId: string, kind: ArtifactKind, name: string): string {
  if (kind === 'state') return `.states/${jobId}/${name}`;
  return kind === 'sample' ? `${outputKey}/samples/${name}` : `${outputKey}/${name}`;
}
