import type { TrainerEvent } from '@influencerai/shared';
import { LossGuard } from '../loss-guard.js';
import { parseEvent } from '../parse-event.js';
import type { LineParser, RunFacts } from '../trainer.js';

const METRICS = /^\{'(?:loss|train_runtime)'/;
const PAIR = /'(\w+)': (?:'([^']*)'|([^,}]+))/g;
/** The bar of the training has no title; those of loading and tokenising have. */
const BAR = /^\s*\d+%\|[^|]*\|\s*(\d+)\/(\d+) \[/;

/**
 * Reads what TRL prints of a run that no driver holds (several GPUs), beside events in JSON: all of a driven run, and
 * the end of any, since TRL says that it completed even when it was stopped early. It logs every step, so that counting
 * its lines counts steps; the first bar says which step the run starts after.
 */
export const createParser = (run: RunFacts): LineParser => {
  const reading = new Reading(run);
  return (line, stream) => parseEvent(line, stream) ?? reading.take(line, stream);
};

class Reading {
  #step: number;
  #hasStarted = false;
  readonly #guard = new LossGuard();

  constructor(private readonly run: RunFacts) {
    this.#step = run.startStep;
  }

  take(line: string, stream: 'stdout' | 'stderr'): TrainerEvent | undefined {
    if (stream === 'stderr') return this.#takeBar(line);
    return METRICS.test(line) ? this.#takeMetrics(numbersOf(line)) : undefined;
  }

  #takeBar(line: string): TrainerEvent | undefined {
    const [, step, total] = BAR.exec(line) ?? [];
    if (step === undefined || this.#hasStarted) return undefined;
    this.#hasStarted = true;
    this.#step = Number(step);
    return { event: 'start', step: Number(step), totalSteps: Number(total), totalEpochs: this.run.totalEpochs };
  }

  #takeMetrics(values: ReadonlyMap<string, number>): TrainerEvent | undefined {
    const loss = values.get('loss');
    if (loss === undefined) return undefined;
    this.#step += 1;
    const fault = this.#guard.judge(loss, this.#step);
    if (fault) return { event: 'error', ...fault };
    if (!Number.isFinite(loss)) return undefined;
    const epoch = Math.max(1, Math.ceil(values.get('epoch') ?? 1));
    return { event: 'progress', step: this.#step, epoch, loss, learningRate: values.get('learning_rate') };
  }
}

/** Values are strings since transformers 5 and were numbers before. */
const numbersOf = (line: string): Map<string, number> =>
  new Map([...line.matchAll(PAIR)].map(([, key, quoted, bare]) => [key!, toNumber((quoted ?? bare)!.trim())]));

const toNumber = (text: string): number => {
  const word = text.toLowerCase();
  if (word === 'inf' || word === 'infinity') return Infinity;
  if (word === '-inf' || word === '-infinity') return -Infinity;
  return Number(text);
};
