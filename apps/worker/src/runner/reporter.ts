import type { JobMetric, UpdateJob } from '@influencerai/shared';
import { setTimeout as delay } from 'node:timers/promises';
import { verdictOf } from '../api/api.js';

const METRICS_PER_REPORT = 1000;
const METRICS_KEPT = 20_000;
const SLOWEST_MS = 10_000;
const LAST_REPORT_MS = 2000;

type Result = NonNullable<UpdateJob['result']>;

export interface ReporterOptions {
  send: (body: Pick<UpdateJob, 'result' | 'metrics'>) => Promise<void>;
  /** Least time between two reports. */
  everyMs: number;
  onLost: () => void;
  onError: (error: unknown) => void;
}

/**
 * Reports progress, at most once per interval: of the progress only the newest, of the loss curve the points since the
 * last report. While the API is away it keeps a bounded number of points, thinned evenly.
 */
export class Reporter {
  #result: Result | undefined;
  #metrics = new Map<number, JobMetric>();
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #waitMs: number;
  #sentAtMs = -Infinity;
  #isClosed = false;

  constructor(private readonly options: ReporterOptions) {
    this.#waitMs = options.everyMs;
  }

  report(result: Result): void {
    this.#result = result;
    this.#schedule();
  }

  /** Adds a point of the loss curve to the next report. */
  addPoint(point: JobMetric): void {
    // Deleted first, so that a step that is reported again stands at the end, where the newest points are.
    this.#metrics.delete(point.step);
    this.#metrics.set(point.step, point);
    if (this.#metrics.size > METRICS_KEPT)
      this.#metrics = new Map([...this.#metrics].filter((_, index) => index % 2 === 1));
    this.#schedule();
  }

  /** Stops reporting and returns the points that were not reported, in parts that fit into one report each. */
  async close(): Promise<JobMetric[][]> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    // A report that hangs is not waited for: the API takes no progress after the end.
    await Promise.race([this.#sending, delay(LAST_REPORT_MS, undefined, { ref: false })]);
    const points = [...this.#metrics.values()];
    const parts = Math.ceil(points.length / METRICS_PER_REPORT);
    return Array.from({ length: parts }, (_, part) =>
      points.slice(part * METRICS_PER_REPORT, (part + 1) * METRICS_PER_REPORT),
    );
  }

  #schedule(): void {
    if (this.#isClosed || this.#sending) return;
    const dueInMs = Math.max(0, this.#sentAtMs + this.#waitMs - performance.now());
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#sentAtMs = performance.now();
      this.#sending = this.#send().finally(() => {
        this.#sending = undefined;
        if (this.#result || this.#metrics.size > 0) this.#schedule();
      });
    }, dueInMs);
  }

  async #send(): Promise<void> {
    const result = this.#result;
    const metrics = [...this.#metrics.values()].slice(0, METRICS_PER_REPORT);
    this.#result = undefined;
    try {
      await this.options.send({ ...(result && { result }), ...(metrics.length > 0 && { metrics }) });
      for (const point of metrics) if (this.#metrics.get(point.step) === point) this.#metrics.delete(point.step);
      this.#waitMs = this.options.everyMs;
    } catch (error) {
      this.#handle(error, result, metrics);
    }
  }

  #handle(error: unknown, result: Result | undefined, metrics: JobMetric[]): void {
    const verdict = verdictOf(error);
    if (verdict === 'retry') {
      this.#result ??= result;
      this.#waitMs = Math.min(SLOWEST_MS, this.#waitMs * 2);
      return;
    }
    if (verdict === 'lost') {
      this.#isClosed = true;
      this.options.onLost();
      return;
    }
    // Refused for what it holds: sending it again would be refused again.
    for (const point of metrics) this.#metrics.delete(point.step);
    this.options.onError(error);
  }
}
