import type { ClaimedJob, TrainerEvent } from '@influencerai/shared';

export interface StepBudgetOptions {
  session: NonNullable<ClaimedJob['session']>;
  grant: (steps: number) => void;
  /** All granted steps have run, and no others came for as long as the session says. */
  onIdle: () => void;
}

/**
 * Turns what a session may do in all into what its trainer is granted. The API speaks of totals since the session began,
 * which may be said twice or late without harm; a trainer counts grants since its own start.
 */
export class StepBudget {
  #allowed: number;
  /** Total that the running trainer knows of; undefined until it has told where it stands. */
  #known: number | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(private readonly options: StepBudgetOptions) {
    this.#allowed = options.session.allowedSteps;
  }

  /** Takes the total as it is by now; a smaller one was overtaken on its way. */
  allow(total: number): void {
    this.#allowed = Math.max(this.#allowed, total);
    this.#pass();
  }

  /** Takes what a trainer tells. Some wait for their first grant before they load anything, and say so before they start. */
  take(event: TrainerEvent): void {
    if (event.event !== 'start' && event.event !== 'paused') return;
    this.#known ??= event.step;
    this.#pass();
    clearTimeout(this.#idle);
    // Not when a total is repeated: it comes with every heartbeat, in the middle of steps too.
    if (event.step >= this.#known) this.#idle = setTimeout(this.options.onIdle, this.options.session.idleMs).unref();
  }

  /** The next trainer of this attempt counts from its own start again. */
  reset(): void {
    clearTimeout(this.#idle);
    this.#known = undefined;
  }

  #pass(): void {
    if (this.#known === undefined || this.#allowed <= this.#known) return;
    clearTimeout(this.#idle);
    const steps = this.#allowed - this.#known;
    this.#known = this.#allowed;
    this.options.grant(steps);
  }
}
