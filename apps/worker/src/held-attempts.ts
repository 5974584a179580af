import type { Directive, HeldJob } from '@influencerai/shared';
import type { StopReason } from './runner/outcome.js';

/** An attempt whose lease this worker must keep: it trains, or its reports are still on their way. */
export interface HeldAttempt {
  job: HeldJob;
  requestStop: (reason: StopReason) => void;
  /** Takes the steps that a session may do in all; absent where no trainer runs any more. */
  allowSteps?: (total: number) => void;
}

const REASONS: Partial<Record<Directive['directive'], StopReason>> = {
  cancel: 'cancel',
  release: 'release',
  stop: 'lost',
};

/** The attempts that this worker holds. */
export class HeldAttempts {
  readonly #held = new Map<string, HeldAttempt>();

  add(attempt: HeldAttempt): void {
    this.#held.set(keyOf(attempt.job), attempt);
  }

  remove(job: HeldJob): void {
    this.#held.delete(keyOf(job));
  }

  /** As registration and heartbeats send it. */
  list(): HeldJob[] {
    return [...this.#held.values()].map(({ job: { jobId, attempt } }) => ({ jobId, attempt }));
  }

  obey(directive: Directive): void {
    const held = this.#held.get(keyOf(directive));
    const reason = REASONS[directive.directive];
    if (reason) held?.requestStop(reason);
    if (directive.allowedSteps !== undefined) held?.allowSteps?.(directive.allowedSteps);
  }

  stopAll(reason: StopReason): void {
    for (const attempt of this.#held.values()) attempt.requestStop(reason);
  }
}

const keyOf = ({ jobId, attempt }: HeldJob): string => `${jobId}/${attempt}`;
