import type { TrainerEvent } from '@influencerai/shared';
import type { LineParser } from '@influencerai/trainers';
import type { OutputSink, OutputStream } from './launcher.js';
import { LineSplitter, type Line } from './line-splitter.js';

const TAIL_LINES = 50;

export interface OutputHandlers {
  /** Leaves no secret in a line, before anything else sees it. */
  redact: (text: string) => string;
  onEvent: (event: TrainerEvent) => void;
  onLine: (stream: OutputStream, line: Line) => void;
}

/** Understands what a trainer prints: events, and lines for the log. */
export class TrainerOutput implements OutputSink {
  /** The last log lines, oldest first. */
  readonly tail: string[] = [];
  readonly #splitters: Record<OutputStream, LineSplitter>;

  constructor(
    private readonly parse: LineParser,
    private readonly handlers: OutputHandlers,
  ) {
    this.#splitters = {
      stdout: new LineSplitter((line) => this.#take('stdout', line)),
      stderr: new LineSplitter((line) => this.#take('stderr', line)),
    };
  }

  write(stream: OutputStream, chunk: Uint8Array): void {
    this.#splitters[stream].push(chunk);
  }

  end(stream: OutputStream): void {
    this.#splitters[stream].end();
  }

  #take(stream: OutputStream, printed: Line): void {
    const line = { ...printed, text: this.handlers.redact(printed.text) };
    const event = this.parse(line.text, stream);
    if (event) return this.handlers.onEvent(event);
    this.tail.push(line.text);
    if (this.tail.length > TAIL_LINES) this.tail.shift();
    this.handlers.onLine(stream, line);
  }
}
