import type { TrainerEvent } from '@influencerai/shared';
import { parseEvent } from '../parse-event.js';
import type { LineParser, RunFacts } from '../trainer.js';

// eslint-disable-next-line no-control-regex -- tqdm moves the cursor up from nested bars.
const CURSOR_CODES = /\u001b\[[0-9;]*[A-Za-z]/g;
/** `job-0190:  58%|█████▊    | 7/12 [00:01<00:00,  8.24it/s, lr: 3.7e-04 loss: 6.974e-01]` */
const BAR = /\|\s*(\d+)\/\d+\s\[[^\]]*?,\s*lr:\s*(\S+)\s+loss:\s*([^\s\]]+)/g;
const SKIPPED_BATCH = /# OOM during training step, skipping batch (\d+\/\d+) #/;
const COMPLETED = / - \d+ completed job/;
const BROKEN_PICTURE = /^Error (?:processing|loading) image/;

/**
 * Understands our driver's events, and the trainer's own output where it runs without the driver. Both never mix: after
 * the first event of the driver, text is only a log.
 */
export const createParser = (run: RunFacts): LineParser => {
  const readText = textReader(run);
  let isDriven = false;
  return (line, stream) => {
    const event = parseEvent(line, stream);
    isDriven ||= event !== undefined;
    return event ?? (isDriven ? undefined : readText(line));
  };
};

type Reader = (line: string) => TrainerEvent | undefined;

/** A bar is printed twice a step: with the old count and the new loss, then with the new count. */
const textReader = ({ startStep, totalSteps, totalEpochs }: RunFacts): Reader => {
  const epochOf = (step: number): number => Math.max(1, Math.ceil((step * totalEpochs) / totalSteps));
  let lastStep = startStep;
  let lastLoss: number | undefined;
  return (line) => {
    const text = line.replace(CURSOR_CODES, '');
    const bar = [...text.matchAll(BAR)].at(-1);
    if (bar) {
      const [step, learningRate, loss] = bar.slice(1).map(Number) as [number, number, number];
      if (step <= lastStep || !Number.isFinite(loss)) return undefined;
      [lastStep, lastLoss] = [step, loss];
      return { event: 'progress', step, epoch: epochOf(step), loss, learningRate };
    }
    if (COMPLETED.test(text) && lastLoss !== undefined) return { event: 'done', step: lastStep, loss: lastLoss };
    return warning(text);
  };
};

const warning = (text: string): TrainerEvent | undefined => {
  const skipped = SKIPPED_BATCH.exec(text);
  if (skipped) return { event: 'warning', message: `Out of GPU memory: the trainer skipped a batch (${skipped[1]}).` };
  if (text.trim() === 'loss is nan') {
    return { event: 'warning', message: 'The loss is no number; the trainer went on with 0 for this step.' };
  }
  return BROKEN_PICTURE.test(text.trim()) ? { event: 'warning', message: text.trim().slice(0, 500) } : undefined;
};
