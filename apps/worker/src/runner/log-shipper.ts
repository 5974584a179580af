import type { JobLogLine } from '@influencerai/shared';
import { cleanText } from './clean-text.js';
import type { Line } from './line-splitter.js';

const LINES_PER_BATCH = 200;
const LINES_WAITING = 2000;
const BATCHES_UNDELIVERED = 500;

export interface LogSink {
  /** Takes a batch; the promise resolves when it survives a crash. */
  add(lines: JobLogLine[]): Promise<void>;
  /** Batches that the API has not got yet. */
  undelivered(): number;
}

export interface LogShipperOptions {
  sink: LogSink;
  everyMs: number;
  now: () => Date;
  onError: (error: unknown) => void;
}

/**
 * Gathers a job's log lines into batches. Memory and disk are bounded: a trainer that floods its output while nobody
 * takes it loses lines, and one line says how many.
 */
export class LogShipper {
  #lines: JobLogLine[] = [];
  #progressBar: JobLogLine | undefined;
  #nextSeq = 0;
  #leftOut = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(private readonly options: LogShipperOptions) {}

  push(stream: JobLogLine['stream'], line: Line): void {
    const entry = { seq: 0, stream, text: cleanText(line.text), at: this.options.now().toISOString() };
    if (line.isTransient) {
      // Of a progress bar only the latest state in each batch is worth keeping.
      this.#progressBar = entry;
    } else if (this.#lines.length >= LINES_WAITING || this.options.sink.undelivered() >= BATCHES_UNDELIVERED) {
      this.#leftOut += 1;
    } else {
      this.#lines.push(entry);
    }
    this.#schedule();
  }

  /** Adds a line of the worker's own. */
  note(text: string): void {
    this.push('worker', { text, isTransient: false });
  }

  /** Hands everything on. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushing = this.#flushing.then(() => this.#handOver());
    await this.#flushing;
  }

  #schedule(): void {
    if (this.#lines.length >= LINES_PER_BATCH && this.#timer !== undefined) {
      void this.flush();
    } else {
      this.#timer ??= setTimeout(() => void this.flush(), this.options.everyMs);
    }
  }

  async #handOver(): Promise<void> {
    const lines = this.#takeLines();
    try {
      for (let start = 0; start < lines.length; start += LINES_PER_BATCH) {
        await this.options.sink.add(lines.slice(start, start + LINES_PER_BATCH));
      }
    } catch (error) {
      this.options.onError(error);
    }
  }

  #takeLines(): JobLogLine[] {
    const lines = [...this.#lines, ...(this.#progressBar ? [this.#progressBar] : [])];
    if (this.#leftOut > 0) lines.push(this.#leftOutLine(this.#leftOut));
    this.#lines = [];
    this.#progressBar = undefined;
    this.#leftOut = 0;
    return lines.map((line) => ({ ...line, seq: this.#nextSeq++ }));
  }

  #leftOutLine(count: number): JobLogLine {
    const text = `${count} lines are left out here: they came faster than they could be kept.`;
    return { seq: 0, stream: 'worker', text, at: this.options.now().toISOString() };
  }
}
