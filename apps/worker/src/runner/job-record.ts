import type { JobMetric, TrainerEvent } from '@influencerai/shared';

const POINTS_KEPT = 5000;

export interface StateRef {
  step: number;
  /** As the trainer named it: relative to the workspace. */
  path: string;
}

/** What is known of a job so far, gathered from its trainer's events; earlier attempts' files can be added. Pure. */
export class JobRecord {
  readonly #checkpoints: Set<string>;
  readonly #samples: Set<string>;
  #points: JobMetric[];
  #final: string | undefined;
  #state: StateRef | undefined;
  #epoch = 0;
  #step = 0;
  #done: { step: number; loss?: number | undefined } | undefined;
  #isAborted = false;
  #notable: TrainerEvent[] = [];

  constructor(earlier: { checkpoints: string[]; samples: string[]; points: JobMetric[] }) {
    this.#checkpoints = new Set(earlier.checkpoints);
    this.#samples = new Set(earlier.samples);
    this.#points = [...earlier.points];
  }

  /** Checkpoints that are kept, the final weights not among them; file names. */
  get checkpoints(): string[] {
    return [...this.#checkpoints];
  }

  get samples(): string[] {
    return [...this.#samples];
  }

  /** The loss curve, thinned when it is long. */
  get points(): readonly JobMetric[] {
    return this.#points;
  }

  /** File name of the final weights, once they are there. */
  get final(): string | undefined {
    return this.#final;
  }

  /** The newest state to resume from. */
  get state(): StateRef | undefined {
    return this.#state;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get step(): number {
    return this.#step;
  }

  get done(): { step: number; loss?: number | undefined } | undefined {
    return this.#done;
  }

  /** The trainer saved and stopped because something told it to. */
  get isAborted(): boolean {
    return this.#isAborted;
  }

  /** Errors and warnings. */
  get notable(): readonly TrainerEvent[] {
    return this.#notable;
  }

  take(event: TrainerEvent): void {
    if ('step' in event) this.#step = Math.max(this.#step, event.step);
    if (event.event === 'done') this.#done = event;
    if (event.event === 'aborted') this.#isAborted = true;
    if (event.event === 'error' || event.event === 'warning') this.#notable = [...this.#notable.slice(-49), event];
    if (event.event === 'checkpoint' && event.statePath) this.#state = { step: event.step, path: event.statePath };
  }

  /** The trainer gets another try; what went wrong before says nothing about how that ends. */
  forgetFailure(): void {
    this.#notable = [];
    this.#isAborted = false;
  }

  addPoint(point: JobMetric): void {
    // A resume goes back to its state's step: what was measured beyond it is measured again.
    while ((this.#points.at(-1)?.step ?? 0) >= point.step) this.#points.pop();
    this.#points.push(point);
    this.#epoch = point.epoch;
    if (this.#points.length > POINTS_KEPT) this.#points = this.#points.filter((_, index) => index % 2 === 0);
  }

  addCheckpoint(name: string): void {
    this.#checkpoints.add(name);
  }

  addSample(name: string): void {
    this.#samples.add(name);
  }

  setFinal(name: string): void {
    this.#final = name;
  }
}
