import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { LossGuard } from './loss-guard.js';

interface Case {
  name: string;
  /** `[loss, times]`, in turn. */
  losses: [loss: number | string, times: number][];
  verdict: string | null;
}

const CASES = JSON.parse(readFileSync(new URL('loss-guard.cases.json', import.meta.url), 'utf8')) as Case[];

const verdictOf = ({ losses }: Case): string | null => {
  const guard = new LossGuard();
  const all = losses.flatMap(([loss, times]) => Array.from({ length: times }, () => Number(loss)));
  return all.map((loss, index) => guard.judge(loss, index + 1)?.code).find((code) => code !== undefined) ?? null;
};

describe(LossGuard, () => {
  it.each(CASES)('should judge $name as the drivers do', (given) => {
    expect(verdictOf(given)).toBe(given.verdict);
  });

  it('should tell a fault once, with its step', () => {
    const guard = new LossGuard();
    expect(guard.judge(NaN, 7)).toEqual({ code: 'loss_not_finite', message: 'The loss became NaN at step 7.' });
    expect(guard.judge(NaN, 8)).toBeUndefined();
  });
});
