import { describe, expect, it } from '@jest/globals';
import { JOB_STATUSES, type JobStatus, type SessionStage } from '@influencerai/shared';
import { stageOf } from './session.mapper.js';

const STAGES: Record<JobStatus, [withSteps: SessionStage, without: SessionStage]> = {
  queued: ['waiting', 'parked'],
  pending: ['waiting', 'parked'],
  running: ['training', 'paused'],
  completed: ['ended', 'ended'],
  failed: ['ended', 'ended'],
  cancelled: ['ended', 'ended'],
};

describe('stageOf', () => {
  it.each(JOB_STATUSES)('should tell what a session does whose job is %s', (status) => {
    const stages = [100, 60].map((allowed_steps) =>
      stageOf({ status, max_steps: 200, allowed_steps, completed_steps: 60 }),
    );
    expect(stages).toEqual(STAGES[status]);
  });

  it('should not take a session for paused that has its end still to make', () => {
    expect(stageOf({ status: 'running', max_steps: 60, allowed_steps: 60, completed_steps: 60 })).toBe('training');
  });
});
