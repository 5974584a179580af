import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { isAlive } from './process-alive.js';
import { waitUntil } from './wait-until.js';

export interface ChildOptions {
  name: string;
  /** The program's main file, run by the Node that runs this. */
  script: string;
  env: NodeJS.ProcessEnv;
  cwd: string;
  onLine(line: string): void;
}

/** A program of ours that runs as a process of its own, in its own group: Ctrl-C reaches it only through us. */
export class Child {
  readonly #process: ChildProcess;
  readonly #lastLines: string[] = [];
  /** Resolves with a few words on how it ended. */
  readonly ended: Promise<string>;
  #ending: string | undefined;

  constructor(readonly options: ChildOptions) {
    const { script, env, cwd } = options;
    this.#process = spawn(process.execPath, ['--enable-source-maps', script], {
      env,
      cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#take(line));
    }
    this.ended = new Promise((resolve) => {
      const settle = (ending: string) => resolve((this.#ending = ending));
      this.#process.once('error', (error) => settle(error.message));
      this.#process.once('exit', (code, signal) => settle(signal ? `ended by ${signal}` : `ended with code ${code}`));
    });
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  /** What it said last, for the message when it dies. */
  get lastWords(): string {
    return this.#lastLines.join('\n');
  }

  /** Waits until the URL answers 2xx; fails at once when the process ends before. */
  async waitForReady(url: string, timeoutMs = 60_000): Promise<void> {
    const isReady = async () => {
      if (this.hasEnded) return true;
      const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.ok === true;
    };
    await waitUntil(isReady, { timeoutMs, what: `${this.options.name} to be ready` });
    if (this.hasEnded) throw new Error(`${this.options.name} ${this.#ending}.\n${this.lastWords}`.trim());
  }

  /** Asks it to finish; after the time limit ends the whole group. */
  async stop(timeoutMs: number): Promise<void> {
    this.#signal('SIGTERM');
    const pid = this.#process.pid;
    if (pid === undefined) return;
    await waitUntil(() => this.hasEnded || !isAlive(pid), { timeoutMs, what: this.options.name }).catch(
      () => undefined,
    );
    if (!this.hasEnded) this.kill();
  }

  kill(): void {
    this.#signal('SIGKILL');
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#process;
    if (pid === undefined || this.hasEnded) return;
    try {
      process.kill(signal === 'SIGKILL' ? -pid : pid, signal);
    } catch {
      // It ended in this moment.
    }
  }

  #take(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > 10) this.#lastLines.shift();
    this.options.onLine(line);
  }
}
