import type { Logger } from 'pino';

/** Says once that the API went away, and once that it is back, however many calls notice. */
export class ApiPresence {
  #isAway = false;

  constructor(
    private readonly apiUrl: string,
    private readonly log: Logger,
  ) {}

  away(error: unknown): void {
    if (this.#isAway) return;
    this.#isAway = true;
    const reason = error instanceof Error ? error.message : String(error);
    this.log.warn(`The API at ${this.apiUrl} does not answer (${reason}). Trainers go on; trying again until it does.`);
  }

  back(): void {
    if (this.#isAway) this.log.info(`The API at ${this.apiUrl} answers again.`);
    this.#isAway = false;
  }
}
