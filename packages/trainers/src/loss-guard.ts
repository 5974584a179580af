const WINDOW = 25;
const OVER_FIRST = 3;
const OVER_BEST = 5;
const EARLY_FROM = 5;
const EARLY_FACTOR = 10;
const EARLY_FLOOR = 3;
const EARLY_STREAK = 3;

/** Why a training must stop. */
export interface LossFault {
  code: 'loss_not_finite' | 'loss_diverged';
  message: string;
}

/**
 * Judges the losses that a run without our step gate prints, as the drivers judge those of theirs
 * (`drivers/influencerai_drivers/guard.py`, where the numbers are explained; a spec holds both to the same cases).
 */
export class LossGuard {
  #window: number[] = [];
  readonly #calm: number[] = [];
  #streak = 0;
  #first: number | undefined;
  #best = Infinity;
  #hasSpoken = false;

  /** Takes the loss of a finished step; a fault is told once. */
  judge(loss: number, step: number): LossFault | undefined {
    if (this.#hasSpoken) return undefined;
    const fault = this.#look(loss, step);
    this.#hasSpoken = fault !== undefined;
    return fault;
  }

  #look(loss: number, step: number): LossFault | undefined {
    if (!Number.isFinite(loss)) return { code: 'loss_not_finite', message: `The loss became ${loss} at step ${step}.` };
    this.#window = [...this.#window, loss].slice(-WINDOW);
    if (this.#first === undefined && this.#explodedEarly(loss)) {
      return diverged(`The loss grew to ${show(loss)} by step ${step}, from ${show(median(this.#calm))}.`);
    }
    if (this.#window.length < WINDOW) return undefined;
    const mean = this.#window.reduce((sum, value) => sum + value, 0) / WINDOW;
    this.#best = Math.min(this.#best, mean);
    this.#first ??= mean;
    if (mean <= OVER_FIRST * this.#first || mean <= OVER_BEST * this.#best) return undefined;
    return diverged(`The loss grew to ${show(mean)} up to step ${step}, from ${show(this.#best)} at its best.`);
  }

  #explodedEarly(loss: number): boolean {
    const isFarAbove =
      this.#calm.length >= EARLY_FROM - 1 && loss > EARLY_FLOOR && loss > EARLY_FACTOR * median(this.#calm);
    if (!isFarAbove) this.#calm.push(loss);
    this.#streak = isFarAbove ? this.#streak + 1 : 0;
    return this.#streak === EARLY_STREAK;
  }
}

const diverged = (message: string): LossFault => ({ code: 'loss_diverged', message });

const show = (loss: number): string => String(Number(loss.toPrecision(4)));

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
