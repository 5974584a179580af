import type { JobMetric, JobProgress, TrainerEvent } from '@influencerai/shared';

const RATE_WINDOW_MS = 30_000;
const RATE_SAMPLES = 64;

interface Sample {
  step: number;
  atMs: number;
}

/** Turns a trainer's events into the progress that people see. Pure: the time is passed in. */
export class ProgressTracker {
  #progress: JobProgress = {
    currentEpoch: 0,
    totalEpochs: 0,
    currentStep: 0,
    totalSteps: 0,
    loss: null,
    learningRate: null,
    stepsPerSecond: null,
    secondsRemaining: null,
    estimatedTimeRemaining: null,
  };
  #samples: Sample[] = [];

  get progress(): JobProgress {
    return this.#progress;
  }

  /** Takes an event; returns the point for the loss curve if it has one. */
  take(event: TrainerEvent, atMs: number): JobMetric | undefined {
    if (event.event === 'start') return this.#start(event, atMs);
    if (event.event !== 'progress') return undefined;
    this.#addSample({ step: event.step, atMs });
    const { loss, learningRate = null } = event;
    this.#progress = {
      ...this.#progress,
      ...this.#forecast(event.step),
      currentEpoch: event.epoch,
      currentStep: event.step,
      loss: loss ?? null,
      learningRate,
    };
    return loss === undefined ? undefined : { step: event.step, epoch: event.epoch, loss, learningRate };
  }

  #start(event: Extract<TrainerEvent, { event: 'start' }>, atMs: number): undefined {
    const { step, totalSteps, totalEpochs } = event;
    const currentEpoch = Math.min(totalEpochs, Math.floor((step / totalSteps) * totalEpochs));
    this.#progress = { ...this.#progress, currentStep: step, totalSteps, totalEpochs, currentEpoch };
    this.#samples = [{ step, atMs }];
    return undefined;
  }

  #addSample(sample: Sample): void {
    this.#samples = [...this.#samples.filter(({ atMs }) => sample.atMs - atMs <= RATE_WINDOW_MS), sample];
    // A fast trainer reports thousands of steps per window; every other sample tells the same.
    if (this.#samples.length > RATE_SAMPLES) this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
  }

  #forecast(step: number): Pick<JobProgress, 'stepsPerSecond' | 'secondsRemaining' | 'estimatedTimeRemaining'> {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || last.atMs <= first.atMs || last.step <= first.step) {
      return { stepsPerSecond: null, secondsRemaining: null, estimatedTimeRemaining: null };
    }
    const stepsPerSecond = ((last.step - first.step) * 1000) / (last.atMs - first.atMs);
    const secondsRemaining = Math.max(0, this.#progress.totalSteps - step) / stepsPerSecond;
    return {
      stepsPerSecond: round(stepsPerSecond),
      secondsRemaining: round(secondsRemaining),
      estimatedTimeRemaining: describeSeconds(secondsRemaining),
    };
  }
}

/** A length of time for people: "20 seconds", "45 minutes", "2 hours 5 minutes". */
export const describeSeconds = (seconds: number): string => {
  if (seconds < 59.5) return plural(Math.round(seconds), 'second');
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return plural(minutes, 'minute');
  const rest = minutes % 60;
  return rest === 0
    ? plural(minutes / 60, 'hour')
    : `${plural(Math.floor(minutes / 60), 'hour')} ${plural(rest, 'minute')}`;
};

const plural = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? '' : 's'}`;

const round = (value: number): number => Math.round(value * 100) / 100;
