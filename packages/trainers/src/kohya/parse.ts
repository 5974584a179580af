import type { TrainerEvent } from '@influencerai/shared';
import { LossGuard } from '../loss-guard.js';
import { parseEvent } from '../parse-event.js';
import type { LineParser, RunFacts } from '../trainer.js';

// `steps:  12%|█▎        | 3/24 [00:00<00:03,  6.1it/s, avr_loss=0.0912]`, with a log line perhaps glued to its end.
const BAR = /(?<!\w\s*)steps:\s+\d+%\|[^|]*\|\s*(\d+)\/\d+ \[([^\]]*)\]/g;
const LOSS = /avr_loss=([-+\w.]+)/;
const EPOCH = /^epoch (\d+)\/\d+\s*$/;

/**
 * Reads what kohya prints. LoRA runs speak in events, and then their text is a log and nothing else; the full fine-tuning
 * scripts have text only, whose loss is the mean over an epoch.
 */
export const createParser = (run: RunFacts): LineParser => {
  const reader = new BarReader(run);
  let hasEvents = false;
  return (line, stream) => {
    const event = parseEvent(line, stream);
    if (event) hasEvents = true;
    return event ?? (hasEvents ? undefined : reader.read(line));
  };
};

interface Bar {
  /** Steps of this run: a resumed one counts from 0. */
  count: number;
  loss: string | undefined;
}

class BarReader {
  #hasStarted = false;
  readonly #guard = new LossGuard();
  #epoch: number;
  #reported = 0;
  #last: Bar | undefined;

  constructor(private readonly run: RunFacts) {
    this.#epoch = Math.floor((run.startStep / run.totalSteps) * run.totalEpochs) + 1;
  }

  read(line: string): TrainerEvent | undefined {
    const [, epoch] = EPOCH.exec(line) ?? [];
    if (epoch) this.#epoch = Number(epoch);
    const bar = lastBar(line);
    // The empty bar is drawn before the first step, by runs that speak in events too.
    return bar && bar.count > 0 ? this.#take(bar) : undefined;
  }

  #take(bar: Bar): TrainerEvent | undefined {
    const before = this.#last;
    this.#last = bar;
    if (!this.#hasStarted) return this.#start();
    if (bar.loss === undefined || bar.count <= this.#reported) return undefined;
    // Each step is drawn twice, first with the loss of the step before; the first drawing may be left out.
    if (before && before.count < bar.count && before.loss === bar.loss) return undefined;
    this.#reported = bar.count;
    return this.#progress(bar.count, Number(bar.loss));
  }

  #start(): TrainerEvent {
    this.#hasStarted = true;
    const { startStep: step, totalSteps, totalEpochs } = this.run;
    return { event: 'start', step, totalSteps, totalEpochs };
  }

  #progress(count: number, loss: number): TrainerEvent | undefined {
    const step = this.run.startStep + count;
    // A plan that counted fewer steps than kohya makes must not lead beyond the whole.
    if (step > this.run.totalSteps) return undefined;
    const fault = this.#guard.judge(loss, step);
    if (fault) return { event: 'error', ...fault };
    return Number.isFinite(loss) ? { event: 'progress', step, epoch: this.#epoch, loss } : undefined;
  }
}

const lastBar = (line: string): Bar | undefined => {
  const found = [...line.matchAll(BAR)].at(-1);
  if (!found) return undefined;
  return { count: Number(found[1]), loss: LOSS.exec(found[2]!)?.[1] };
};
