import { hostname } from 'node:os';
import type { ReportWorkerPool, WorkerPoolOrder } from '@influencerai/shared';
import type { Child } from './child-process.js';

export interface WorkerPoolOptions {
  /** Starts the worker of this place, in a folder that is always the same for it. */
  start(place: number): Child;
  /** Tells the API what runs; fails while that is away. */
  report(state: ReportWorkerPool): Promise<WorkerPoolOrder>;
  /** How many workers to begin with. */
  wanted: number;
  maxWorkers: number;
  onLine(line: string): void;
  /** How often to report. */
  everyMs?: number;
  /** How long to wait before a worker that crashed is started again, the first time; then twice as long each time. */
  restartMs?: number;
  /** How long workers may take to save and hand their jobs back. */
  drainMs: number;
}

interface Member {
  child: Child;
  generation: number;
  isStopping: boolean;
}

interface Crash {
  /** When it may start again. */
  until: number;
  waitMs: number;
}

const MOST_WAIT_MS = 30_000;
/** A worker that lived so long begins anew with the waiting. */
const STABLE_MS = 60_000;

/**
 * Runs as many workers on this host as the API says. While the API is away it keeps those that there are, and starts
 * crashed ones again. A worker that is to end gets SIGTERM, upon which it saves and hands its jobs back.
 */
export class WorkerPool {
  readonly #members = new Map<number, Member>();
  readonly #crashes = new Map<number, Crash>();
  #order: WorkerPoolOrder;
  #applied = 0;
  #isFirst = true;
  #timer: NodeJS.Timeout | undefined;
  #pass: Promise<void> = Promise.resolve();

  constructor(private readonly options: WorkerPoolOptions) {
    this.#order = { version: 0, wanted: options.wanted, generation: 0 };
  }

  /** Processes that there are. */
  get running(): number {
    return this.#members.size;
  }

  /** Starts the first workers, then does as it is told. */
  async start(): Promise<void> {
    await this.#look();
    const { everyMs = 500 } = this.options;
    this.#timer = setInterval(() => void (this.#pass = this.#pass.then(() => this.#look())), everyMs);
  }

  /** Ends all workers: first asks, after the time limit does not ask any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#pass;
    const members = [...this.#members.values()];
    for (const member of members) member.isStopping = true;
    await Promise.all(members.map(({ child }) => child.stop(this.options.drainMs)));
  }

  kill(): void {
    for (const { child } of this.#members.values()) child.kill();
  }

  async #look(): Promise<void> {
    await this.#ask();
    this.#reconcile();
    // The order counts as carried out once the processes were started or told to end.
    if (this.#applied !== this.#order.version) {
      this.#applied = this.#order.version;
      await this.#ask();
    }
  }

  async #ask(): Promise<void> {
    const { report, wanted, maxWorkers } = this.options;
    const state = { host: hostname(), running: this.running, maxWorkers, applied: this.#applied };
    try {
      const order = await report(this.#isFirst ? { ...state, wanted } : state);
      // What was ordered before this pool began is nothing to replace workers for.
      if (this.#isFirst) this.#applied = order.version;
      this.#isFirst = false;
      this.#order = order;
    } catch {
      // The API is away, and the workers say so themselves; they go on, and the next report may get through.
    }
  }

  #reconcile(): void {
    const { wanted, generation } = this.#order;
    for (const [place, member] of this.#members)
      if (place >= wanted || member.generation < generation) this.#end(member);
    for (let place = 0; place < wanted; place += 1) {
      const isDue = (this.#crashes.get(place)?.until ?? 0) <= Date.now();
      if (!this.#members.has(place) && isDue) this.#begin(place, generation);
    }
  }

  #begin(place: number, generation: number): void {
    const child = this.options.start(place);
    const member: Member = { child, generation, isStopping: false };
    const since = Date.now();
    this.#members.set(place, member);
    void child.ended.then((ending) => {
      this.#members.delete(place);
      if (!member.isStopping) this.#noteCrash(place, { ending, livedMs: Date.now() - since });
    });
  }

  #end(member: Member): void {
    if (member.isStopping) return;
    member.isStopping = true;
    void member.child.stop(this.options.drainMs);
  }

  #noteCrash(place: number, { ending, livedMs }: { ending: string; livedMs: number }): void {
    const { restartMs = 1_000, onLine } = this.options;
    const before = livedMs > STABLE_MS ? undefined : this.#crashes.get(place);
    const waitMs = Math.min(MOST_WAIT_MS, before ? before.waitMs * 2 : restartMs);
    this.#crashes.set(place, { until: Date.now() + waitMs, waitMs });
    onLine(`The worker ${ending}; it is started again in ${waitMs / 1000} s.`);
  }
}
