import type { Logger } from 'pino';
import { Backoff } from './backoff.js';
import { pause } from './pause.js';
import { probeWorkspaces } from './runner/workspace.js';

export interface FolderGuardOptions {
  workerDir: string;
  retryMs: { first: number; max: number };
  log: Logger;
}

/** Keeps a host whose folder cannot be written from claiming: it would break every job of the fleet in turn. */
export class FolderGuard {
  readonly #backoff: Backoff;
  #isUsable = true;

  constructor(private readonly options: FolderGuardOptions) {
    this.#backoff = new Backoff(options.retryMs.first, options.retryMs.max);
  }

  get isUsable(): boolean {
    return this.#isUsable;
  }

  failed(): void {
    this.#isUsable = false;
  }

  /** A job's folder was made. A probe alone does not reset the waiting time: the next job may fail all the same. */
  worked(): void {
    this.#backoff.reset();
  }

  /** Resolves when the folder takes a write again, at once where it was never refused one. */
  async untilUsable(signal: AbortSignal): Promise<void> {
    while (!this.#isUsable && !signal.aborted) {
      await pause(this.#backoff.next(), signal);
      if (!signal.aborted) await this.#probe();
    }
  }

  async #probe(): Promise<void> {
    const { workerDir, log } = this.options;
    try {
      await probeWorkspaces(workerDir);
      this.#isUsable = true;
      log.info(`${workerDir} can be written again; claiming goes on.`);
    } catch (error) {
      log.debug({ err: error }, 'The folder still cannot be written');
    }
  }
}
