import { describe, expect, it } from '@jest/globals';
import { describeSeconds, ProgressTracker } from './progress-tracker.js';

const start = (step = 0) => ({ event: 'start', step, totalSteps: 200, totalEpochs: 20 }) as const;
const progress = (step: number, loss = 0.5) =>
  ({ event: 'progress', step, epoch: Math.ceil(step / 10), loss }) as const;

describe(ProgressTracker.name, () => {
  it('should know nothing before the first event', () => {
    expect(new ProgressTracker().progress).toMatchObject({ currentStep: 0, loss: null, estimatedTimeRemaining: null });
  });

  it('should forecast the end from the rate of steps', () => {
    const tracker = new ProgressTracker();
    tracker.take(start(), 0);
    for (let step = 1; step <= 50; step += 1) tracker.take(progress(step), step * 1000);
    expect(tracker.progress).toEqual({
      currentEpoch: 5,
      totalEpochs: 20,
      currentStep: 50,
      totalSteps: 200,
      loss: 0.5,
      learningRate: null,
      stepsPerSecond: 1,
      secondsRemaining: 150,
      estimatedTimeRemaining: '3 minutes',
    });
  });

  it('should forget the rate of long ago', () => {
    const tracker = new ProgressTracker();
    tracker.take(start(), 0);
    tracker.take(progress(1), 100_000);
    tracker.take(progress(2), 101_000);
    expect(tracker.progress.stepsPerSecond).toBe(1);
  });

  it('should not count the steps before a resume as done in no time', () => {
    const tracker = new ProgressTracker();
    tracker.take(start(100), 5000);
    expect(tracker.progress).toMatchObject({ currentStep: 100, currentEpoch: 10 });
    tracker.take(progress(101), 7000);
    expect(tracker.progress.stepsPerSecond).toBe(0.5);
  });

  it('should keep a right rate over thousands of steps', () => {
    const tracker = new ProgressTracker();
    tracker.take({ ...start(), totalSteps: 10_000 }, 0);
    for (let step = 1; step <= 5000; step += 1) tracker.take(progress(step), step * 2);
    expect(tracker.progress.stepsPerSecond).toBeCloseTo(500, 0);
  });

  it('should turn progress into points of the loss curve, and nothing else', () => {
    const tracker = new ProgressTracker();
    expect(tracker.take(start(), 0)).toBeUndefined();
    expect(tracker.take({ ...progress(3), learningRate: 0.01 }, 1)).toEqual({
      step: 3,
      epoch: 1,
      loss: 0.5,
      learningRate: 0.01,
    });
    expect(tracker.take({ event: 'paused', step: 3 }, 2)).toBeUndefined();
  });
});

describe('describeSeconds', () => {
  it.each([
    [0, '0 seconds'],
    [1, '1 second'],
    [59.4, '59 seconds'],
    [59.6, '1 minute'],
    [2700, '45 minutes'],
    [3600, '1 hour'],
    [7500, '2 hours 5 minutes'],
  ])('should say %d s as %s', (seconds, text) => {
    expect(describeSeconds(seconds)).toBe(text);
  });
});
