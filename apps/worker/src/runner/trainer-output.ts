import type { TrainerEvent } from '@influencerai/shared';
import type { Trainer } from '@influencerai/trainers';
import { LineSplitter, type Line } from './line-splitter.js';
import type { RunningTrainer } from './launcher.js';

const TAIL_LINES = 50;

export interface OutputSinks {
  onEvent: (event: TrainerEvent) => void;
  onLine: (stream: 'stdout' | 'stderr', line: Line) => void;
}

/** Reads both streams of a trainer as they come, without ever making it wait. */
export class TrainerOutput {
  readonly tail: string[] = [];

  constructor(
    running: RunningTrainer,
    private readonly trainer: Trainer,
    private readonly sinks: OutputSinks,
  ) {
    this.#read(running, 'stdout');
    this.#read(running, 'stderr');
  }

  #read(running: RunningTrainer, stream: 'stdout' | 'stderr'): void {
    const splitter = new LineSplitter((line) => this.#take(stream, line));
    running[stream].on('data', (chunk: Buffer) => splitter.push(chunk));
    running[stream].on('end', () => splitter.end());
    // A stream that breaks ends; why the trainer ended is told by its exit.
    running[stream].on('error', () => splitter.end());
  }

  #take(stream: 'stdout' | 'stderr', line: Line): void {
    const event = this.trainer.parse(line.text, stream);
    if (event) return this.sinks.onEvent(event);
    this.tail.push(line.text);
    if (this.tail.length > TAIL_LINES) this.tail.shift();
    this.sinks.onLine(stream, line);
  }
}
