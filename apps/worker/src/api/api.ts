import type {
  AppendJobLogs,
  ArtifactKind,
  ClaimedJob,
  Directive,
  HeldJob,
  Heartbeat,
  JobArtifact,
  JobDataset,
  JobDatasetFile,
  JobMetric,
  RegisteredWorker,
  RegisterWorker,
  TrainerId,
  UpdateJob,
} from '@influencerai/shared';

/** One attempt at a job, with the tenant in whose name the worker writes. */
export interface JobRef extends HeldJob {
  tenantId: string;
}

export interface ArtifactUpload {
  name: string;
  kind: ArtifactKind;
  step?: number;
  /** Absolute path. */
  file: string;
}

/** A stretch of a file, from a byte to its end; what breaks off is an `ApiFailure`. */
export interface FilePart {
  start: number;
  body: AsyncIterable<Uint8Array>;
}

/** What the worker asks of the API. Every failure is an `ApiFailure`. */
export interface Api {
  register(body: RegisterWorker): Promise<RegisteredWorker>;
  claim(workerId: string, trainers: TrainerId[]): Promise<ClaimedJob | null>;
  /** One try, given up after the time limit. */
  heartbeat(workerId: string, body: Heartbeat, timeoutMs: number): Promise<Directive[]>;
  /** Directives as they are given, until the signal aborts; reconnects by itself. */
  control(workerId: string, signal: AbortSignal): AsyncIterable<Directive>;
  updateJob(job: JobRef, body: Omit<UpdateJob, 'attempt'>): Promise<void>;
  appendLogs(job: JobRef, lines: AppendJobLogs['lines']): Promise<void>;
  putArtifact(job: JobRef, upload: ArtifactUpload, signal?: AbortSignal): Promise<void>;
  /** Files of one kind; without a kind all but resume states. */
  artifacts(job: JobRef, kind?: ArtifactKind): Promise<JobArtifact[]>;
  metrics(job: JobRef): Promise<JobMetric[]>;
  /** Writes the content to the file. */
  downloadArtifact(job: JobRef, name: string, file: string): Promise<void>;
  /** The files that the job learns from. */
  dataset(job: JobRef, signal: AbortSignal): Promise<JobDataset>;
  /** Opens one of them from a byte on; from its beginning when its content is another one by now. */
  openDatasetFile(
    job: JobRef,
    file: Pick<JobDatasetFile, 'name' | 'sha256'>,
    from: number,
    signal: AbortSignal,
  ): Promise<FilePart>;
}

/**
 * What a failed call means for the worker.
 * `retry`         the API is away or overloaded; the same call may succeed later.
 * `lost`          the job is gone, over or held by another attempt: stop its trainer and report nothing.
 * `unregistered`  the API does not know this worker; register again.
 * `refused`       the API does not take this call, now or later.
 */
export type Verdict = 'retry' | 'lost' | 'unregistered' | 'refused';

export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';

  constructor(
    readonly verdict: Verdict,
    message: string,
    readonly requestId?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The verdict on any error that a call through `Api` may throw. */
export const verdictOf = (error: unknown): Verdict => (error instanceof ApiFailure ? error.verdict : 'refused');
