import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { StepBudget } from './step-budget.js';

const IDLE_MS = 60_000;

describe(StepBudget.name, () => {
  let granted: number[];
  let idle: number;

  beforeEach(() => {
    jest.useFakeTimers();
    granted = [];
    idle = 0;
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const aBudget = (allowedSteps: number) =>
    new StepBudget({
      session: { allowedSteps, idleMs: IDLE_MS, isContinued: false },
      grant: (steps) => granted.push(steps),
      onIdle: () => (idle += 1),
    });
  const start = (step: number) => ({ event: 'start' as const, step, totalSteps: 200, totalEpochs: 2 });
  const paused = (step: number) => ({ event: 'paused' as const, step });

  it('should grant a trainer what is left from where it stands', () => {
    aBudget(100).take(start(60));
    expect(granted).toEqual([40]);
  });

  it('should keep what is allowed before the trainer has told where it stands', () => {
    const budget = aBudget(100);
    budget.allow(130);
    expect(granted).toEqual([]);
    budget.take(start(100));
    expect(granted).toEqual([30]);
  });

  it('should pass a total on once, however often and in whatever order it is told', () => {
    const budget = aBudget(10);
    budget.take(start(0));
    for (const total of [30, 30, 20, 30, 45]) budget.allow(total);
    expect(granted).toEqual([10, 20, 15]);
  });

  it('should grant once to a trainer that pauses before it starts', () => {
    const budget = aBudget(50);
    budget.take(paused(0));
    budget.take(start(0));
    expect(granted).toEqual([50]);
  });

  it('should begin anew with the next trainer of the attempt', () => {
    const budget = aBudget(50);
    budget.take(start(0));
    budget.reset();
    budget.take(start(20));
    expect(granted).toEqual([50, 30]);
  });

  it('should call it idle after the time that the session says, and not while there is something to run', () => {
    const budget = aBudget(10);
    budget.take(start(0));
    jest.advanceTimersByTime(2 * IDLE_MS);
    budget.take(paused(10));
    jest.advanceTimersByTime(IDLE_MS - 1);
    budget.allow(20);
    jest.advanceTimersByTime(2 * IDLE_MS);
    expect(idle).toBe(0);
    budget.take(paused(20));
    jest.advanceTimersByTime(IDLE_MS);
    expect(idle).toBe(1);
  });

  it('should not count the time of its steps, nor from the last heartbeat', () => {
    const budget = aBudget(10);
    budget.take(start(0));
    const beat = () => {
      jest.advanceTimersByTime(IDLE_MS / 4);
      budget.allow(10);
    };
    for (let beats = 0; beats < 20; beats += 1) beat();
    expect(idle).toBe(0);
    budget.take(paused(10));
    for (let beats = 0; beats < 4; beats += 1) beat();
    expect(idle).toBe(1);
  });

  it('should call a trainer idle that starts with nothing to run', () => {
    aBudget(10).take(start(10));
    jest.advanceTimersByTime(IDLE_MS);
    expect([granted, idle]).toEqual([[], 1]);
  });

  it('should not call it idle once its trainer has ended', () => {
    const budget = aBudget(10);
    budget.take(start(10));
    budget.reset();
    jest.advanceTimersByTime(2 * IDLE_MS);
    expect(idle).toBe(0);
  });
});
