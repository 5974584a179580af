import {
  AppendJobLogsSchema,
  ClaimRequestSchema,
  HeartbeatSchema,
  PutArtifactQuerySchema,
  RegisterWorkerSchema,
  UpdateJobSchema,
  type Directive,
  type ClaimedJob,
  type HeldJob,
  type JobArtifact,
  type JobDataset,
  type JobLogLine,
  type JobMetric,
  type JobStatus,
  type RegisterWorker,
  type TrainingSpec,
} from '@influencerai/shared';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeJob {
  id: string;
  tenantId: string;
  spec: TrainingSpec;
  status: JobStatus;
  attempt: number;
  isCancelRequested: boolean;
  result: Record<string, unknown> | null;
  /** Every `result` that was written, in order. */
  results: Record<string, unknown>[];
  metrics: Map<number, JobMetric>;
  logs: (JobLogLine & { attempt: number })[];
  artifacts: Map<string, { meta: JobArtifact; content: Buffer }>;
  /** How often each status was written. */
  ends: JobStatus[];
  /** Why workers could not run it; it is claimed no more then. */
  refusals: string[];
  /** Whether what the last refusal names may pass by itself. */
  isPassing?: boolean;
  session?: ClaimedJob['session'];
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
  ) {
    super(code);
  }
}

const refuse = (status: number, code: string): never => {
  throw new Refusal(status, code);
};

/** The worker routes of the API over real HTTP, with memory in place of the database. */
export class FakeApi {
  readonly jobs = new Map<string, FakeJob>();
  readonly registrations: RegisterWorker[] = [];
  readonly heartbeats: { held: HeldJob[]; isDraining: boolean }[] = [];
  heartbeatMs = 50;
  /** How many of the next heartbeats get no answer. */
  hungHeartbeats = 0;
  /** What every job learns from, by name. */
  readonly dataset = new Map<string, Buffer>();
  /** Status with which a file of this name is not taken. */
  readonly refusedFiles = new Map<string, number>();
  #server: Server | undefined;
  #port = 0;
  #known = new Set<string>();
  #streams = new Set<ServerResponse>();

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** As when the API's process dies: connections break, new ones are refused. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  forgetWorkers(): void {
    this.#known.clear();
  }

  addJob(id: string, spec: TrainingSpec): FakeJob {
    const job: FakeJob = {
      id,
      tenantId: 'tenant_a',
      spec,
      status: 'pending',
      attempt: 0,
      isCancelRequested: false,
      result: null,
      results: [],
      metrics: new Map(),
      logs: [],
      artifacts: new Map(),
      ends: [],
      refusals: [],
    };
    this.jobs.set(id, job);
    return job;
  }

  /** Sends a directive on the control streams. */
  direct(directive: Directive): void {
    for (const stream of this.#streams) stream.write(`event: directive\ndata: ${JSON.stringify(directive)}\n\n`);
  }

  get controlStreams(): number {
    return this.#streams.size;
  }

  /** Gives a running job to somebody else, as when its lease ran out. */
  takeAway(job: FakeJob): void {
    job.attempt += 1;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await bodyOf(request);
      const url = new URL(request.url ?? '/', 'http://fake');
      const answer = this.#route(request, url, body, response);
      if (answer !== undefined)
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    } catch (error) {
      const { status, code } = error instanceof Refusal ? error : { status: 500, code: `internal: ${String(error)}` };
      const text = JSON.stringify({ statusCode: status, status, code, message: code });
      response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'r1' }).end(text);
    }
  }

  #route(request: IncomingMessage, url: URL, body: Buffer, response: ServerResponse): unknown {
    const [, resource, id, sub, name] = url.pathname.split('/');
    const json = (): unknown => JSON.parse(body.toString('utf8') || 'null');
    if (resource === 'workers') return this.#workerRoute({ id, sub, json, response });
    const job = this.jobs.get(id ?? '') ?? refuse(404, 'job_not_found');
    if (request.headers['x-tenant-id'] !== job.tenantId) refuse(404, 'job_not_found');
    if (request.method === 'PATCH') return this.#update(job, json());
    if (sub === 'logs') return this.#appendLogs(job, json());
    if (sub === 'metrics') return { data: [...job.metrics.values()], total: job.metrics.size };
    if (sub === 'dataset' && name === undefined) return this.#listDataset();
    if (sub === 'dataset') return void response.end(this.dataset.get(url.searchParams.get('name')!));
    if (sub !== 'artifacts') return refuse(404, 'route_not_found');
    if (request.method === 'PUT') return this.#putArtifact({ job, name: name!, query: url.searchParams, body });
    if (name === undefined) return { data: this.#artifactsOf(job, url.searchParams.get('kind')) };
    response.end((job.artifacts.get(name) ?? refuse(404, 'artifact_not_found')).content);
    return undefined;
  }

  #workerRoute({
    id,
    sub,
    json,
    response,
  }: {
    id?: string;
    sub?: string;
    json: () => unknown;
    response: ServerResponse;
  }): unknown {
    if (id === undefined) return this.#register(RegisterWorkerSchema.parse(json()));
    if (!this.#known.has(id)) refuse(404, 'worker_not_found');
    if (sub === 'claims') return { job: this.#claim(ClaimRequestSchema.parse(json()).trainers) };
    if (sub === 'heartbeat' && this.hungHeartbeats-- > 0) return undefined;
    if (sub === 'heartbeat') return this.#heartbeat(HeartbeatSchema.parse(json()));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': open\n\n');
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
    return undefined;
  }

  #register(input: RegisterWorker): unknown {
    this.registrations.push(input);
    this.#known.add(input.id);
    const isHeld = (job: FakeJob): boolean =>
      input.held.some(({ jobId, attempt }) => jobId === job.id && attempt === job.attempt);
    for (const job of this.jobs.values()) if (job.status === 'running' && !isHeld(job)) job.status = 'pending';
    return { id: input.id, leaseMs: 1000, heartbeatMs: this.heartbeatMs };
  }

  #claim(trainers: readonly string[]): unknown {
    const job = [...this.jobs.values()].find(
      ({ status, spec, refusals }) => status === 'pending' && trainers.includes(spec.trainer) && refusals.length === 0,
    );
    if (!job) return null;
    job.status = 'running';
    job.attempt += 1;
    return {
      jobId: job.id,
      attempt: job.attempt,
      tenantId: job.tenantId,
      spec: job.spec,
      storageRoot: '',
      leaseMs: 1000,
      session: job.session ?? null,
    };
  }

  #heartbeat(input: { held: HeldJob[]; isDraining: boolean }): { jobs: Directive[] } {
    this.heartbeats.push(input);
    return {
      jobs: input.held.map(({ jobId, attempt }) => {
        const job = this.jobs.get(jobId);
        const isCurrent = job?.status === 'running' && job.attempt === attempt;
        return { jobId, attempt, directive: !isCurrent ? 'stop' : job.isCancelRequested ? 'cancel' : 'continue' };
      }),
    };
  }

  #update(job: FakeJob, body: unknown): unknown {
    const update = UpdateJobSchema.parse(body);
    this.#requireAttempt(job, update.attempt);
    if (update.result) {
      job.result = update.result;
      job.results.push(update.result);
    }
    for (const point of update.metrics ?? []) job.metrics.set(point.step, point);
    const refusal = update.refusal ?? update.interruption;
    if (refusal !== undefined) job.refusals.push(refusal);
    job.isPassing = update.isPassing;
    if (update.status) {
      job.status = update.status;
      job.ends.push(update.status);
    }
    return { id: job.id };
  }

  #appendLogs(job: FakeJob, body: unknown): unknown {
    const { attempt, lines } = AppendJobLogsSchema.parse(body);
    if (job.attempt !== attempt) refuse(409, 'job_attempt_stale');
    const isNew = (line: JobLogLine): boolean =>
      !job.logs.some((other) => other.attempt === attempt && other.seq === line.seq);
    job.logs.push(...lines.filter(isNew).map((line) => ({ ...line, attempt })));
    return {};
  }

  #putArtifact({
    job,
    name,
    query,
    body,
  }: {
    job: FakeJob;
    name: string;
    query: URLSearchParams;
    body: Buffer;
  }): unknown {
    const { attempt, kind, step } = PutArtifactQuerySchema.parse(Object.fromEntries(query));
    this.#requireAttempt(job, attempt);
    if (this.refusedFiles.has(name)) refuse(this.refusedFiles.get(name)!, 'file_refused');
    const meta: JobArtifact = {
      name,
      kind,
      step: step ?? null,
      sizeBytes: body.length,
      sha256: createHash('sha256').update(body).digest('hex'),
      contentType: '',
      path: name,
      url: name,
      createdAt: new Date().toISOString(),
    };
    job.artifacts.set(name, { meta, content: body });
    return meta;
  }

  #listDataset(): JobDataset {
    const data = [...this.dataset].map(([name, content]) => ({
      name,
      sizeBytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
      url: '',
    }));
    return { data, digest: '' };
  }

  #artifactsOf(job: FakeJob, kind: string | null): JobArtifact[] {
    const all = [...job.artifacts.values()].map(({ meta }) => meta);
    return all.filter((artifact) => (kind === null ? artifact.kind !== 'state' : artifact.kind === kind));
  }

  #requireAttempt(job: FakeJob, attempt: number | undefined): void {
    if (job.attempt !== attempt) refuse(409, 'job_attempt_stale');
    if (job.status !== 'running') refuse(409, 'job_transition_refused');
  }
}

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
};
