import type { Directive } from '@influencerai/shared';
import { AbortError, APIError, ConnectionError, InfluencerAIClient, TimeoutError } from '@influencerai/sdk';
import { createWriteStream, openAsBlob } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Env } from '../env.js';
import { ApiFailure, type Api, type FilePart, type Verdict } from './api.js';

const CALL_TIMEOUT_MS = 20_000;
const READ_RETRIES = 3;
/** Large files that changed are hashed first. */
const LIST_TIMEOUT_MS = 10 * 60_000;
const CURVE_POINTS = 5000;
/** The attempt is somebody else's now, or nobody's. */
const LOST = new Set(['job_attempt_stale', 'job_transition_refused', 'job_not_found', 'job_not_held']);

/** The API as the SDK speaks to it. Callers have their own ways of trying again, so the SDK mostly does not. */
export const sdkApi = ({ apiUrl, apiKey }: Pick<Env, 'apiUrl' | 'apiKey'>): Api => {
  const { workers, jobs } = new InfluencerAIClient({
    baseUrl: apiUrl,
    apiKey,
    timeoutMs: CALL_TIMEOUT_MS,
    maxRetries: 0,
  });
  const reading = (tenantId: string) => ({ tenantId, maxRetries: READ_RETRIES });
  return {
    register: (body) => judged(() => workers.register(body)),
    claim: (workerId, trainers) => judged(async () => (await workers.claim(workerId, { trainers })).job),
    heartbeat: (workerId, body, timeoutMs) =>
      judged(async () => (await workers.heartbeat(workerId, body, { timeoutMs, maxRetries: 0 })).jobs),
    control: (workerId, signal) => judgedStream(workers.control(workerId, { signal })),
    updateJob: ({ jobId, attempt, tenantId }, body) =>
      judged(async () => void (await jobs.update(jobId, { ...body, attempt }, { tenantId }))),
    appendLogs: ({ jobId, attempt, tenantId }, lines) =>
      judged(async () => void (await jobs.appendLogs(jobId, { attempt, lines }, { tenantId }))),
    putArtifact: ({ jobId, attempt, tenantId }, { name, kind, step, file }, signal) =>
      judged(async () => {
        // A blob that is backed by the file: nothing of it stays in memory.
        const body = await openAsBlob(file);
        await jobs.putArtifact(jobId, name, { body, attempt, kind, step }, { tenantId, signal });
      }),
    artifacts: ({ jobId, tenantId }, kind) =>
      judged(async () => (await jobs.artifacts(jobId, { kind }, reading(tenantId))).data),
    metrics: ({ jobId, tenantId }) =>
      judged(async () => (await jobs.metrics(jobId, { maxPoints: CURVE_POINTS }, reading(tenantId))).data),
    downloadArtifact: ({ jobId, tenantId }, name, file) =>
      judged(async () => {
        const { body } = await jobs.downloadArtifact(jobId, name, reading(tenantId));
        await mkdir(dirname(file), { recursive: true });
        await pipeline(body ? Readable.fromWeb(body) : Readable.from([]), createWriteStream(file));
      }),
    dataset: ({ jobId, tenantId }, signal) =>
      judged(() => jobs.dataset(jobId, { tenantId, timeoutMs: LIST_TIMEOUT_MS, signal })),
    openDatasetFile: ({ jobId, tenantId }, { name, sha256 }, from, signal) =>
      judged(async () => {
        const part = from > 0 && { range: { start: from }, headers: { 'if-range': `"${sha256}"` } };
        const { status, body } = await jobs.downloadDatasetFile(jobId, name, { tenantId, signal, ...part });
        return { start: status === 206 ? from : 0, body: arriving(body) };
      }),
  };
};

const judged = async <T>(call: () => PromiseLike<T>): Promise<T> => {
  try {
    return await call();
  } catch (error) {
    throw toFailure(error);
  }
};

/** Whatever breaks a body off, the rest may still be had. */
async function* arriving(body: Response['body']): FilePart['body'] & AsyncGenerator<Uint8Array> {
  try {
    if (body) yield* body;
  } catch (error) {
    throw new ApiFailure('retry', 'The connection broke.', undefined, { cause: error });
  }
}

async function* judgedStream(stream: AsyncIterable<Directive>): AsyncGenerator<Directive, void, undefined> {
  try {
    yield* stream;
  } catch (error) {
    if (!(error instanceof AbortError)) throw toFailure(error);
  }
}

const toFailure = (error: unknown): ApiFailure => {
  const requestId = error instanceof APIError ? error.requestId : undefined;
  return new ApiFailure(verdictOn(error), error instanceof Error ? error.message : String(error), requestId, {
    cause: error,
  });
};

const verdictOn = (error: unknown): Verdict => {
  if (error instanceof ConnectionError || error instanceof TimeoutError) return 'retry';
  if (!(error instanceof APIError)) return 'refused';
  if (error.code === 'worker_not_found') return 'unregistered';
  if (LOST.has(error.code ?? '')) return 'lost';
  return error.status === 408 || error.status === 429 || error.status >= 500 ? 'retry' : 'refused';
};
