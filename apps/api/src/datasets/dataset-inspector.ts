import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { AppError, type Dataset } from '@influencerai/shared';
import { Storage } from '../storage/storage.js';
import { DatasetsRepository } from './datasets.repository.js';
import { InspectionsRepository } from './inspections.repository.js';
import { inspectDataset } from './inspection/inspect-dataset.js';
import { emptyStats, type Inspection } from './inspection/inspection.js';

export const MAX_DATASET_FILES = 100_000;

const CONCURRENCY = 2;
const SWEEP_MS = 30_000;
const TOUCH_MS = 10_000;
const STALE_MS = 60_000;

/**
 * Runs inspections: small ones while the request waits, large ones in the background. The table is the queue, so that
 * inspections that a crash cut short are taken up again, by this process or another.
 */
@Injectable()
export class DatasetInspector implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(DatasetInspector.name);
  private readonly stopping = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly datasets: DatasetsRepository,
    private readonly inspections: InspectionsRepository,
    private readonly storage: Storage,
  ) {}

  private get hasRoom(): boolean {
    return this.running.size < CONCURRENCY && !this.stopping.signal.aborted;
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.sweep(), SWEEP_MS).unref();
    void this.sweep();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    this.stopping.abort();
    await Promise.all(this.running);
  }

  /** Takes up datasets that wait, as many as there is room for. */
  async sweep(staleMs = STALE_MS): Promise<void> {
    while (this.hasRoom) {
      const claim = await this.occupy(this.inspections.claimNext(staleMs)).catch(() => undefined);
      // Nothing waits, or the database is away, which `work` has logged.
      if (!claim) return;
    }
  }

  /** Registers a dataset to be inspected in the background: at once when there is room, else after others. */
  async enqueue(create: (status: 'processing' | 'pending') => Promise<Dataset>): Promise<Dataset> {
    return this.hasRoom ? this.occupy(create('processing')) : create('pending');
  }

  /** When the running inspections are over. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }

  /**
   * Inspects a dataset that this process has claimed.
   * @returns the dataset as it is then; somebody else may have changed its status meanwhile
   */
  async inspect(claim: Dataset): Promise<Dataset> {
    const lost = new AbortController();
    let held: Promise<Dataset | undefined> = Promise.resolve(claim);
    const timer = setInterval(() => {
      held = held.then((current) => this.touch(current, lost));
    }, TOUCH_MS);
    const result = await this.measure(claim, AbortSignal.any([this.stopping.signal, lost.signal])).finally(() =>
      clearInterval(timer),
    );
    const current = await held;
    if (!current) return this.datasets.getById(claim.tenantId, claim.id);
    if (result)
      return (await this.inspections.finish(current, result)) ?? this.datasets.getById(claim.tenantId, claim.id);
    await this.inspections.release(current);
    throw new AppError('service_unavailable');
  }

  /** Holds a place from before there is a claim, so that nobody else counts it as free. */
  private occupy<T extends Dataset | undefined>(claim: Promise<T>): Promise<T> {
    const run = this.work(claim).then((hasWorked) => {
      this.running.delete(run);
      if (hasWorked) void this.sweep();
    });
    this.running.add(run);
    return claim;
  }

  /** Never fails: a dataset that is left unfinished is found again by a sweep. */
  private async work(claim: Promise<Dataset | undefined>): Promise<boolean> {
    try {
      const dataset = await claim;
      if (!dataset) return false;
      await this.inspect(dataset);
      return true;
    } catch (error) {
      this.logger.warn({ err: error }, 'An inspection was cut short; a later sweep takes it up again.');
      return false;
    }
  }

  /** @returns undefined when the claim is lost */
  private async touch(claim: Dataset | undefined, lost: AbortController): Promise<Dataset | undefined> {
    if (!claim) return undefined;
    try {
      const next = await this.inspections.touch(claim);
      if (!next) lost.abort();
      return next;
    } catch (error) {
      this.logger.warn({ err: error, datasetId: claim.id }, 'A sign of life could not be written; the next one may.');
      return claim;
    }
  }

  /** @returns undefined when it was aborted */
  private async measure({ id, tenantId, kind, path }: Dataset, signal: AbortSignal): Promise<Inspection | undefined> {
    try {
      const listing = await this.storage.list({ tenantId, path }, MAX_DATASET_FILES);
      if (!listing) return failed(`${path} does not exist any more.`);
      return await inspectDataset(kind, { storage: this.storage, listing, signal });
    } catch (error) {
      if (signal.aborted) return undefined;
      this.logger.error({ err: error, datasetId: id }, 'The inspection failed.');
      return failed('The inspection failed; register the dataset again once its files can be read.');
    }
  }
}

const failed = (reason: string): Inspection => ({
  status: 'failed',
  stats: emptyStats(),
  problems: [{ file: '', severity: 'error', reason }],
});
