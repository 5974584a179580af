import { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import {
  AppError,
  ArtifactNameSchema,
  type ArtifactKind,
  type JobArtifact,
  type PutArtifactQuery,
} from '@influencerai/shared';
import { JobHolders } from '../auth/job-holders.js';
import type { Principal } from '../auth/principal.js';
import { CONFIG, type Config } from '../env.js';
import { inBytes } from '../http/in-bytes.js';
import { chunksOf } from '../storage/parts-of.js';
import { Storage, type WriteOptions, type Written } from '../storage/storage.js';
import { UploadsService } from '../uploads/uploads.service.js';
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
    private readonly uploads: UploadsService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Streams a file of the running attempt into storage and lists it. The fence is checked again when all bytes are
   * there, so that an attempt that ended meanwhile replaces nothing.
   * @throws AppError `job_not_found`, `job_attempt_stale`, `job_not_held` for a state or an index that no worker hands in,
   * `upload_too_large`; where no worker holds the job also `quota_exceeded`, `uploads_exhausted`
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
    // Trainers unpickle states, and SQLite opens indexes here: neither is taken from a tenant.
    if (query.kind === 'state' || query.kind === 'index') await this.holders.requireLease(caller, id);
    const { outputKey, hasLease } = await this.jobs.outputOf(tenantId, id);
    const storageKey = keyOf(outputKey, id, query.kind, name);
    const listed = { tenantId, jobId: id, attempt: query.attempt, name, kind: query.kind, step: query.step ?? null };
    let artifact: JobArtifact | undefined;
    const accept = async (written: Written): Promise<void> => {
      artifact = await this.artifacts.put({ ...listed, ...written, contentType: contentTypeOf(name), storageKey });
      if (!artifact) throw stale();
    };
    // Better missing, until the worker sends it again, than listed with a size and a hash that may not be its own.
    const retract = () => this.artifacts.remove(tenantId, id, name);
    try {
      if (hasLease) await this.storeOfWorker(storageKey, content, { accept, retract });
      else await this.storeOfTenant(tenantId, storageKey, content, { accept, retract });
    } finally {
      // What nobody wants any more is read to its end, so that the answer can be sent.
      content.resume();
    }
    if (!artifact) throw new Error('Storage kept a file without asking.');
    if (query.kind === 'state') await this.dropOlderStates(tenantId, id, { name, step: listed.step ?? 0 });
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

  /** What a worker made is kept although the quota is full: its hours would be lost. */
  private storeOfWorker(key: string, content: Readable, options: WriteOptions): Promise<void> {
    return this.store(key, bounded(content, this.config.storage.maxArtifactBytes), options);
  }

  /** Where no worker holds the job its tenant drives it by itself, and is bound as with all that it uploads. */
  private storeOfTenant(tenantId: string, key: string, content: Readable, options: WriteOptions): Promise<void> {
    const bytes = bounded(content, this.config.uploads.maxFileBytes);
    return this.uploads.makeRoom(tenantId, (room, signal) =>
      this.store(key, room.taking(bytes), { ...options, signal }),
    );
  }

  private async store(key: string, bytes: AsyncIterable<Buffer>, options: WriteOptions): Promise<void> {
    await this.storage.write(key, Readable.from(bytes, { objectMode: false }), options);
  }

  /**
   * States are large, and only the newest is resumed from. One of a later step stays: the attempt may have begun before
   * it by a passing fault, and is not past it yet.
   */
  private async dropOlderStates(
    tenantId: string,
    jobId: string,
    newest: { name: string; step: number },
  ): Promise<void> {
    const states = await this.artifacts.list(tenantId, jobId, 'state');
    const isOlder = ({ artifact: { name, step } }: StoredArtifact) =>
      name !== newest.name && (step ?? 0) <= newest.step;
    for (const { artifact, storageKey } of states.filter(isOlder)) {
      await this.artifacts.remove(tenantId, jobId, artifact.name);
      await this.storage.remove(storageKey);
    }
  }
}

/** The same bytes. @throws AppError `upload_too_large` */
async function* bounded(content: Readable, maxBytes: number): AsyncGenerator<Buffer> {
  let sizeBytes = 0;
  for await (const chunk of chunksOf(content)) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes)
      throw new AppError('upload_too_large', { what: 'a file of a job may have', limit: inBytes(maxBytes) });
    yield chunk;
  }
}

/** Where a file lies: results in the job's output folder, states out of the tenant's sight. */
function keyOf(outputKey: string, jobId: string, kind: ArtifactKind, name: string): string {
  if (kind === 'state') return `.states/${jobId}/${name}`;
  return kind === 'sample' ? `${outputKey}/samples/${name}` : `${outputKey}/${name}`;
}
