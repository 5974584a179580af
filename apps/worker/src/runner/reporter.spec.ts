import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { UpdateJob } from '@influencerai/shared';
import { ApiFailure, type Verdict } from '../api/api.js';
import { Reporter } from './reporter.js';

type Body = Pick<UpdateJob, 'result' | 'metrics'>;

let sent: Body[];
let verdict: Verdict | undefined;
let isLost: boolean;
let errors: unknown[];
let reporter: Reporter;

const point = (step: number) => ({ step, epoch: 1, loss: 1 / step, learningRate: null });
const stepsOf = (body: Body | undefined) => body?.metrics?.map(({ step }) => step);

beforeEach(() => {
  jest.useFakeTimers();
  [sent, verdict, isLost, errors] = [[], undefined, false, []];
  reporter = new Reporter({
    send: (body) => {
      if (verdict) return Promise.reject(new ApiFailure(verdict, 'no'));
      sent.push(body);
      return Promise.resolve();
    },
    everyMs: 1000,
    onLost: () => {
      isLost = true;
    },
    onError: (error) => errors.push(error),
  });
});

afterEach(() => {
  jest.useRealTimers();
});

describe(Reporter.name, () => {
  it('should report at once, then at most once a second', async () => {
    for (let step = 1; step <= 30; step += 1) {
      reporter.addPoint(point(step));
      reporter.report({ progress: { currentStep: step } });
      await jest.advanceTimersByTimeAsync(100);
    }
    expect(sent.map((body) => body.result)).toEqual(
      [1, 10, 20, 30].map((currentStep) => ({ progress: { currentStep } })),
    );
    expect(sent.flatMap(stepsOf)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  });

  it('should keep the points of an outage and only the newest progress', async () => {
    verdict = 'retry';
    for (let step = 1; step <= 5; step += 1) {
      reporter.addPoint(point(step));
      reporter.report({ step });
      await jest.advanceTimersByTimeAsync(1000);
    }
    verdict = undefined;
    await jest.advanceTimersByTimeAsync(20_000);
    expect(sent).toEqual([{ result: { step: 5 }, metrics: [1, 2, 3, 4, 5].map(point) }]);
  });

  it('should not send a step twice in one report', async () => {
    verdict = 'retry';
    for (const step of [1, 2, 3, 2, 3]) reporter.addPoint(point(step));
    await jest.advanceTimersByTimeAsync(0);
    verdict = undefined;
    await jest.advanceTimersByTimeAsync(5000);
    expect(stepsOf(sent[0])).toEqual([1, 2, 3]);
  });

  it('should thin a curve that nobody takes for too long, and hand it over in parts', async () => {
    verdict = 'retry';
    for (let step = 1; step <= 20_001; step += 1) reporter.addPoint(point(step));
    const parts = await reporter.close();
    expect(parts.flat().length).toBe(10_000);
    expect(Math.max(...parts.map((part) => part.length))).toBe(1000);
  });

  it('should stop for good when the attempt is lost', async () => {
    verdict = 'lost';
    reporter.report({ step: 1 });
    await jest.advanceTimersByTimeAsync(0);
    expect(isLost).toBe(true);
    verdict = undefined;
    reporter.report({ step: 2 });
    await jest.advanceTimersByTimeAsync(5000);
    expect(sent).toEqual([]);
  });

  it('should not send again what was refused', async () => {
    verdict = 'refused';
    reporter.addPoint(point(1));
    await jest.advanceTimersByTimeAsync(0);
    verdict = undefined;
    reporter.addPoint(point(2));
    await jest.advanceTimersByTimeAsync(1000);
    expect(errors).toHaveLength(1);
    expect(sent.map(stepsOf)).toEqual([[2]]);
  });
});
