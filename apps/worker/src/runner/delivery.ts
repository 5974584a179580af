import type { JobStatus } from '@influencerai/shared';
import { access, stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { ApiFailure, verdictOf, type Api, type JobRef } from '../api/api.js';
import { Backoff } from '../backoff.js';
import { Bell } from '../bell.js';
import { openInside, pathOf } from './open-inside.js';
import { amendEnd } from './outcome.js';
import type { Lane, Spool, SpoolEntry } from './spool.js';

const IDLE_MS = 60_000;
/** A line that is slower than this is not waited for when the worker stops. */
const SLOWEST_BYTES_PER_MS = 4_000;
/** How long files of a job that was cancelled may still go. */
export const CANCELLED_FILES_MS = 30_000;

/** What still goes of a cancelled job: a new session goes on from the state of a deleted one, on whatever host. */
export const filesOfCancelled = (isSession: boolean): { statesMs?: number } =>
  isSession ? { statesMs: CANCELLED_FILES_MS } : {};

export interface DeliveryOptions {
  job: JobRef;
  spool: Spool;
  api: Pick<Api, 'updateJob' | 'appendLogs' | 'putArtifact'>;
  /** Folder of the job; no file that lies elsewhere is sent. */
  jobDir: string;
  log: Logger;
  retryMs: { first: number; max: number };
}

/** `delivered`: the end reached the API. `lost`: the attempt is over for this worker. `stopped`: by `stop()`. */
export type DeliveryEnd = 'delivered' | 'lost' | 'stopped';

/** Brings a spool to the API, in order, for as long as that takes. The trainer never waits for it. */
export class Delivery {
  /** Resolves when nothing is left to do. */
  readonly ended: Promise<DeliveryEnd>;
  readonly #bells: Record<Lane, Bell> = {
    reports: new Bell(),
    files: new Bell(),
    states: new Bell(),
    end: new Bell(),
  };
  /** Rung by a try that failed, since that is not waited for any longer. */
  readonly #failed = new Bell();
  readonly #cancelled = new AbortController();
  /** States may be wanted for longer than the job. */
  readonly #statesDropped = new AbortController();
  #statesTimer: NodeJS.Timeout | undefined;
  /** Files that the API has not got and never will, with the reason. */
  readonly #leftOut = new Map<string, string>();
  #state: 'running' | 'stopped' | 'lost' = 'running';
  #endStatus: JobStatus | undefined;
  /** When an entry last got through. */
  #deliveredAtMs = 0;
  /** Until when an upload that runs may take, by its lane. */
  readonly #uploadsUntilMs = new Map<Lane, number>();

  constructor(private readonly options: DeliveryOptions) {
    this.ended = this.#run().finally(() => clearTimeout(this.#statesTimer));
  }

  /** What was reported as the end, once it was. */
  get endStatus(): JobStatus | undefined {
    return this.#endStatus;
  }

  /** Says that something was added to the spool. */
  wake(): void {
    for (const bell of Object.values(this.#bells)) bell.ring();
  }

  /** Gives up; what is undelivered stays in the spool. */
  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
    this.wake();
  }

  /**
   * Goes on as long as something gets through, and gives up once nothing has for so long. A file that is on its way has
   * the time that its size needs.
   */
  async finish(patienceMs: number): Promise<void> {
    const beganAtMs = Date.now();
    let isOver = false;
    const ended = this.ended.finally(() => {
      isOver = true;
      this.#failed.ring();
    });
    while (!isOver) {
      const newest = Math.max(beganAtMs, this.#deliveredAtMs, ...this.#uploadsUntilMs.values());
      const leftMs = newest + patienceMs - Date.now();
      if (leftMs <= 0) this.stop();
      if (leftMs <= 0) break;
      await this.#failed.wait(leftMs);
    }
    await ended;
  }

  /**
   * Ends the job as cancelled, without the files that are undelivered.
   * @param options `statesMs`: how long states go on, besides the time that their size needs; else they are dropped, too
   */
  cancel({ statesMs }: { statesMs?: number } = {}): void {
    if (this.#cancelled.signal.aborted) return;
    this.options.log.info('Cancelled; files that are undelivered are dropped');
    this.#cancelled.abort();
    if (statesMs === undefined) this.#dropStates();
    else void this.#dropStatesLater(statesMs);
    this.wake();
  }

  #dropStates(): void {
    this.#statesDropped.abort();
    this.wake();
  }

  async #dropStatesLater(afterMs: number): Promise<void> {
    const states = await this.options.spool.entries('states').catch((error: unknown) => {
      this.options.log.warn({ err: error }, 'The size of states is not known; they have the least time');
      return [];
    });
    const timesMs = await Promise.all(
      states.flatMap((state) => (state.type === 'artifact' ? [timeFor(state.file)] : [])),
    );
    const waitMs = timesMs.reduce((sum, timeMs) => sum + timeMs, afterMs);
    this.#statesTimer = setTimeout(() => this.#dropStates(), waitMs).unref();
  }

  async #run(): Promise<DeliveryEnd> {
    await Promise.all([this.#runLane('reports'), this.#runLane('files'), this.#runLane('states')]);
    if (this.#state === 'running') await this.#runLane('end');
    return this.#state === 'running' ? 'delivered' : this.#state;
  }

  async #runLane(lane: Lane): Promise<void> {
    while (this.#state === 'running') {
      const next = await this.options.spool.first(lane);
      if (next) {
        await this.#deliver(next.entry, lane);
        this.#deliveredAtMs = Date.now();
        if (this.#state === 'running') await this.options.spool.remove(next.name);
      } else if (this.options.spool.isSealed || lane === 'end') {
        return;
      } else {
        await this.#bells[lane].wait(IDLE_MS);
      }
    }
  }

  async #deliver(entry: SpoolEntry, lane: Lane): Promise<void> {
    const backoff = new Backoff(this.options.retryMs.first, this.options.retryMs.max);
    const { signal } = lane === 'states' ? this.#statesDropped : this.#cancelled;
    while (this.#state === 'running') {
      if (entry.type === 'artifact' && signal.aborted) {
        this.#leftOut.set(entry.name, 'The job was cancelled.');
        return;
      }
      try {
        if (entry.type === 'artifact') this.#uploadsUntilMs.set(lane, Date.now() + (await timeFor(entry.file)));
        await send(this.#amended(entry), { ...this.options, signal });
        return;
      } catch (error) {
        if (!this.#shouldRetry(error, entry, signal)) return;
      } finally {
        this.#uploadsUntilMs.delete(lane);
      }
      this.#failed.ring();
      await this.#bells[lane].wait(backoff.next());
    }
  }

  /** The end as it is by now: files may be missing, or the job cancelled, since it was written down. */
  #amended(entry: SpoolEntry): SpoolEntry {
    if (entry.type !== 'end') return entry;
    const body = amendEnd(entry.body, { leftOut: this.#leftOut, isCancelled: this.#cancelled.signal.aborted });
    this.#endStatus = body.status;
    return { type: 'end', body };
  }

  #shouldRetry(error: unknown, entry: SpoolEntry, { aborted }: AbortSignal): boolean {
    const { log } = this.options;
    const context = {
      err: error,
      requestId: error instanceof ApiFailure ? error.requestId : undefined,
      entry: entry.type,
    };
    const verdict = verdictOf(error);
    const isBrokenOff = entry.type === 'artifact' && aborted;
    if (verdict === 'retry' || (verdict === 'refused' && isBrokenOff)) {
      log.debug(context, 'Not delivered; trying again');
      return true;
    }
    if (verdict === 'lost') {
      this.#state = 'lost';
      this.wake();
      return false;
    }
    if (entry.type === 'artifact') {
      this.#leftOut.set(entry.name, error instanceof Error ? error.message : String(error));
      log.warn({ ...context, name: entry.name }, 'A file cannot be uploaded; it is left out');
      return false;
    }
    log.error(context, 'The API refused a report; it is left out');
    return false;
  }
}

/** Delivers what an attempt that crashed left behind, one try each; true when all of it went. */
export const deliverOnce = async (options: Omit<DeliveryOptions, 'retryMs'>): Promise<boolean> => {
  for (const lane of ['reports', 'states', 'files', 'end'] as const) {
    for (let next = await options.spool.first(lane); next; next = await options.spool.first(lane)) {
      try {
        await send(next.entry, options);
      } catch (error) {
        // The API is away, or the job went on elsewhere.
        options.log.debug({ err: error }, 'Left behind by an earlier run, and not delivered');
        return false;
      }
      await options.spool.remove(next.name);
    }
  }
  return true;
};

type Sender = Pick<DeliveryOptions, 'api' | 'job' | 'jobDir'> & { signal?: AbortSignal };

const send = async (entry: SpoolEntry, { api, job, jobDir, signal }: Sender): Promise<void> => {
  if (entry.type === 'logs') return api.appendLogs(job, entry.lines);
  if (entry.type === 'metrics') return api.updateJob(job, { metrics: entry.metrics });
  if (entry.type === 'end') return api.updateJob(job, entry.body);
  if (entry.kind === 'state' && !(await isThere(entry.file))) return;
  // Long after it was announced, perhaps: what is sent is what lies there now, so it is looked at now.
  await using opened = await openInside(jobDir, entry.file);
  await api.putArtifact(job, { ...entry, file: await pathOf(opened, entry.file) }, signal);
};

/** Milliseconds that the upload of a file may take; none where it is gone by now. */
const timeFor = async (file: string): Promise<number> => {
  const found = await stat(file).catch(() => undefined);
  return (found?.size ?? 0) / SLOWEST_BYTES_PER_MS;
};

/** A state is removed as soon as a newer one takes its place. */
const isThere = async (file: string): Promise<boolean> => {
  try {
    await access(file);
    return true;
  } catch {
    // Nothing but its removal keeps the worker from a file of its own.
    return false;
  }
};
