import type { APIPromise } from '../core/api-promise.js';
import { PagePromise } from '../core/pagination.js';
import { pollUntilTerminal, type CompletedJob, type WaitOptions } from '../core/polling.js';
import type { RequestOptions } from '../core/request-options.js';
import type { Transport } from '../core/request.js';
import { followEvents, type StreamOptions } from '../core/sse.js';
import type {
  AppendJobLogs,
  CreateJob,
  GrantSteps,
  Job,
  JobEvent,
  JobLogPage,
  JobManifest,
  JobMetrics,
  JobMetricsQuery,
  JobPreview,
  JobSeries,
  JobSeriesQuery,
  ListJobLogsQuery,
  ListJobsQuery,
  ListSessionsQuery,
  PreviewJob,
  QueryAnswer,
  QueryJob,
  RerunJob,
  Session,
  UpdateJob,
} from '../generated/types.js';
import { isTerminalStatus } from '../internal/job-state.js';
import { loadPage } from '../internal/load-page.js';
import { path } from '../internal/path.js';
import { JobArtifacts } from './job-artifacts.js';

/** An event with the id after which a stream can be resumed. */
export type JobStreamEvent = JobEvent & { id: string | undefined };

/** Training runs. */
export class Jobs extends JobArtifacts {
  /** @internal */
  constructor(transport: Transport) {
    super(transport);
  }

  /**
   * Submits a job. It carries an idempotency key, so that a retry after a lost answer does not submit it twice.
   *
   * @example
   * ```ts
   * const job = await client.jobs.create({ type: 'lora-training', payload: { datasetId, loraConfigId } });
   * ```
   */
  create(body: CreateJob, options?: RequestOptions): APIPromise<Job> {
    return this.transport.json({ method: 'POST', path: '/jobs', body, options, isCreation: true });
  }

  /**
   * Shows what a job would run, without submitting it: command, files, steps, and what becomes of each field. With
   * `trainer` it plans for another trainer, to compare.
   *
   * @example
   * ```ts
   * const { mapping } = await client.jobs.preview({ type: 'lora-training', payload: { datasetId, loraConfigId } });
   * console.table(mapping.filter(({ how }) => how !== 'exact'));
   * ```
   */
  preview(body: PreviewJob, options?: RequestOptions): APIPromise<JobPreview> {
    return this.transport.json({ method: 'POST', path: '/jobs/preview', body, options, isRepeatable: true });
  }

  /** Submits a job again with the very values that it was frozen with. It carries an idempotency key, as `create` does. */
  rerun(jobId: string, body: RerunJob = {}, options?: RequestOptions): APIPromise<Job> {
    return this.transport.json({ method: 'POST', path: path`/jobs/${jobId}/rerun`, body, options, isCreation: true });
  }

  /** Reads what a job was frozen with and what came of it: the `manifest.json` to keep beside the weights. */
  manifest(jobId: string, options?: RequestOptions): APIPromise<JobManifest> {
    return this.transport.json({ method: 'GET', path: path`/jobs/${jobId}/manifest`, options });
  }

  /**
   * Searches the index that a completed job of the trainer `retrieval` has made.
   *
   * @example
   * ```ts
   * const { data } = await client.jobs.query(job.id, { query: 'How do I reset my password?', limit: 5 });
   * for (const { row, text } of data) console.log(row, text);
   * ```
   */
  query(jobId: string, body: QueryJob, options?: RequestOptions): APIPromise<QueryAnswer> {
    return this.transport.json({ method: 'POST', path: path`/jobs/${jobId}/query`, body, options, isRepeatable: true });
  }

  /** Lists jobs, newest first. Await it for one page, iterate it for all. */
  list(query: ListJobsQuery = {}, options?: RequestOptions): PagePromise<Job> {
    return new PagePromise(loadPage<Job>(this.transport, { path: '/jobs', query, options }));
  }

  /** Reads one job. */
  get(jobId: string, options?: RequestOptions): APIPromise<Job> {
    return this.transport.json({ method: 'GET', path: path`/jobs/${jobId}`, options });
  }

  /** Reports on a job: what workers do. Writing the same twice is safe, so failures that may pass are retried. */
  update(jobId: string, body: UpdateJob, options?: RequestOptions): APIPromise<Job> {
    return this.transport.json({ method: 'PATCH', path: path`/jobs/${jobId}`, body, options });
  }

  /** Asks for a stop. A waiting job is cancelled at once, a running one shortly after. */
  cancel(jobId: string, options?: RequestOptions): APIPromise<Job> {
    return this.transport.json({ method: 'POST', path: path`/jobs/${jobId}/cancel`, options, isRepeatable: true });
  }

  /** Reads the steps of a session: granted, done, saved. */
  session(jobId: string, options?: RequestOptions): APIPromise<Session> {
    return this.transport.json({ method: 'GET', path: path`/jobs/${jobId}/session`, options });
  }

  /** Lists sessions, newest first. Await it for one page, iterate it for all. */
  sessions(query: ListSessionsQuery = {}, options?: RequestOptions): PagePromise<Session> {
    return new PagePromise(loadPage<Session>(this.transport, { path: '/jobs/sessions', query, options }));
  }

  /**
   * Grants a session further steps. Grants add up, however many come at once; each carries an idempotency key, so that a
   * retry after a lost answer grants nothing twice.
   *
   * @example
   * ```ts
   * const job = await client.jobs.create({ type: 'lora-training', payload, session: { maxSteps: 2000 } });
   * await client.jobs.grantSteps(job.id, { steps: 100 });
   * ```
   */
  grantSteps(jobId: string, body: GrantSteps, options?: RequestOptions): APIPromise<Session> {
    return this.transport.json({ method: 'POST', path: path`/jobs/${jobId}/steps`, body, options, isCreation: true });
  }

  /** Lets the worker save a session and give its slot up; it goes on wherever one is free. */
  releaseSession(jobId: string, options?: RequestOptions): APIPromise<Session> {
    const target = path`/jobs/${jobId}/session/release`;
    return this.transport.json({ method: 'POST', path: target, options, isRepeatable: true });
  }

  /** Ends a session and forgets it. Its job and what that made stay. */
  deleteSession(jobId: string, options?: RequestOptions): APIPromise<Job> {
    return this.transport.json({ method: 'DELETE', path: path`/jobs/${jobId}/session`, options });
  }

  /** Counts jobs by day and outcome. */
  series(query: JobSeriesQuery = {}, options?: RequestOptions): APIPromise<JobSeries> {
    return this.transport.json({ method: 'GET', path: '/jobs/series', query, options });
  }

  /** Reads a stretch of the log; pass the answer's `cursor` as `after` to read on. */
  logs(jobId: string, query: ListJobLogsQuery = {}, options?: RequestOptions): APIPromise<JobLogPage> {
    return this.transport.json({ method: 'GET', path: path`/jobs/${jobId}/logs`, query, options });
  }

  /** Stores log lines: what workers do. A batch that arrives twice is stored once. */
  appendLogs(jobId: string, body: AppendJobLogs, options?: RequestOptions): APIPromise<void> {
    const target = path`/jobs/${jobId}/logs`;
    return this.transport.json({ method: 'POST', path: target, body, options, isRepeatable: true });
  }

  /** Reads the loss curve. */
  metrics(jobId: string, query: JobMetricsQuery = {}, options?: RequestOptions): APIPromise<JobMetrics> {
    return this.transport.json({ method: 'GET', path: path`/jobs/${jobId}/metrics`, query, options });
  }

  /**
   * Follows what happens to a job until it has ended. A broken connection is opened again where it broke. Aborting the
   * signal throws an `AbortError`; leaving the loop closes the connection.
   *
   * @example
   * ```ts
   * for await (const event of client.jobs.events(job.id)) {
   *   if (event.type === 'progress') console.log(event.progress.loss);
   * }
   * ```
   */
  async *events(jobId: string, options: StreamOptions = {}): AsyncGenerator<JobStreamEvent, void, undefined> {
    const isOver = async () => isTerminalStatus((await this.get(jobId, options)).status);
    const source = { transport: this.transport, path: path`/jobs/${jobId}/events`, options, isOver };
    for await (const { id, data } of followEvents(source)) {
      const event = JSON.parse(data) as JobEvent;
      yield { ...event, id };
      if (event.type === 'status' && isTerminalStatus(event.to)) return;
    }
  }

  /**
   * Polls until the job has ended and returns it when it completed. Throws a `JobFailedError`, which has the job, when
   * it failed or was cancelled, and a `WaitTimeoutError` when `timeout` is over first. Outages that pass do not end it.
   *
   * @example
   * ```ts
   * const done = await client.jobs.waitForCompletion(job.id, {
   *   onProgress: ({ result: { progress } }) => console.log(`${progress.currentEpoch}/${progress.totalEpochs}`),
   * });
   * console.log(done.result?.loraPath);
   * ```
   */
  waitForCompletion(jobId: string, options: WaitOptions = {}): Promise<CompletedJob> {
    const load = (request: RequestOptions) => this.get(jobId, request);
    return pollUntilTerminal({ jobId, load, requestTimeoutMs: this.transport.config.timeoutMs, options });
  }
}
