const JITTER = 0.25;

/** Waiting times that double up to a limit, spread a little so that many workers do not return in one moment. */
export class Backoff {
  #nextMs: number;

  constructor(
    private readonly firstMs: number,
    private readonly maxMs: number,
  ) {
    this.#nextMs = firstMs;
  }

  next(): number {
    const base = this.#nextMs;
    this.#nextMs = Math.min(this.maxMs, base * 2);
    return Math.round(base * (1 + (Math.random() * 2 - 1) * JITTER));
  }

  reset(): void {
    this.#nextMs = this.firstMs;
  }
}
