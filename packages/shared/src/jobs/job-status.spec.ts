import { describe, expect, it } from '@jest/globals';
import {
  ACTIVE_STATUSES,
  ADMITTED_STATUSES,
  canBecome,
  isTerminal,
  JOB_STATUSES,
  JOB_TRANSITIONS,
  type JobStatus,
  sourcesOf,
} from './job-status.js';

/** Written out once more by hand: every pair that is not listed must be refused. */
const ALLOWED = [
  'queued → pending',
  'queued → cancelled',
  'pending → running',
  'pending → cancelled',
  'running → queued',
  'running → pending',
  'running → completed',
  'running → failed',
  'running → cancelled',
];

const PAIRS = JOB_STATUSES.flatMap((from) => JOB_STATUSES.map((to): [JobStatus, JobStatus] => [from, to]));

describe('JOB_TRANSITIONS', () => {
  it('should know six states', () => {
    expect(JOB_STATUSES).toEqual(['queued', 'pending', 'running', 'completed', 'failed', 'cancelled']);
  });

  it.each(PAIRS)('should decide whether %s may become %s', (from, to) => {
    expect(canBecome(from, to)).toBe(ALLOWED.includes(`${from} → ${to}`));
  });

  it('should let no state follow itself', () => {
    expect(JOB_STATUSES.filter((status) => canBecome(status, status))).toEqual([]);
  });

  it('should name only known states as targets', () => {
    const targets = Object.values(JOB_TRANSITIONS).flat();
    expect(targets.filter((status) => !JOB_STATUSES.includes(status))).toEqual([]);
  });

  it('should reach every state from queued', () => {
    const reached = new Set<JobStatus>(['queued']);
    for (const from of reached) for (const to of JOB_TRANSITIONS[from]) reached.add(to);
    expect([...reached].sort()).toEqual([...JOB_STATUSES].sort());
  });
});

describe('isTerminal', () => {
  it.each(JOB_STATUSES)('should follow from the table for %s', (status) => {
    expect(isTerminal(status)).toBe(JOB_STATUSES.every((to) => !canBecome(status, to)));
  });

  it('should hold for the three ends', () => {
    expect(JOB_STATUSES.filter(isTerminal)).toEqual(['completed', 'failed', 'cancelled']);
  });

  it('should leave the others active', () => {
    expect(ACTIVE_STATUSES).toEqual(['queued', 'pending', 'running']);
  });
});

describe('sourcesOf', () => {
  it.each(PAIRS)('should agree with the table on %s as a source of %s', (from, to) => {
    expect(sourcesOf(to).includes(from)).toBe(canBecome(from, to));
  });

  it('should find one way back into queued: a session that is handed back with nothing to run', () => {
    expect(sourcesOf('queued')).toEqual(['running']);
  });
});

describe('ADMITTED_STATUSES', () => {
  it('should be the active states that count towards the limit', () => {
    expect(ADMITTED_STATUSES.filter(isTerminal)).toEqual([]);
    expect(ACTIVE_STATUSES.filter((status) => !(ADMITTED_STATUSES as readonly JobStatus[]).includes(status))).toEqual([
      'queued',
    ]);
  });
});
