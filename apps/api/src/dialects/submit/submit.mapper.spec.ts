import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { AppError, type ErrorCode, type Job, JOB_STATUSES } from '@influencerai/shared';
import { fromError, fromJob, toCreateJob, toJobId } from './submit.mapper.js';
import { SubmitRequestSchema } from './submit.schema.js';

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), 'utf8'));

describe(toCreateJob, () => {
  it('should say the same in the words of the domain', () => {
    expect(toCreateJob(SubmitRequestSchema.parse(fixture('submit.request')))).toEqual({
      type: 'lora-training',
      priority: 0,
      payload: {
        datasetId: 'abc123def456',
        name: 'My First LoRA',
        triggerWords: ['my-style'],
        config: {
          modelName: 'stabilityai/sdxl-base-1.0',
          epochs: 1,
          learningRate: 0.0001,
          batchSize: 1,
          resolution: 512,
          networkDim: 16,
          networkAlpha: 32,
          meta: { maxSteps: 1000 },
        },
      },
    });
  });
});

describe(fromJob, () => {
  it('should have a word for every status [000:statuses]', () => {
    const words = JOB_STATUSES.map((status) => `${status}: ${fromJob({ id: 'x', status } as Job).status}`);
    expect(words).toEqual([
      'queued: queued',
      'pending: running',
      'running: running',
      'completed: completed',
      'failed: failed',
      'cancelled: failed',
    ]);
  });
});

describe(fromError, () => {
  it.each<[ErrorCode, string, string]>([
    ['credentials_missing', 'Unauthorized', 'Missing or invalid authentication token'],
    ['credentials_invalid', 'Unauthorized', 'Missing or invalid authentication token'],
    ['credentials_expired', 'Unauthorized', 'Session expired'],
    ['dataset_of_other_user', 'Forbidden', 'Dataset belongs to different user'],
    ['dataset_not_ready', 'Invalid Request', expect.any(String) as unknown as string],
    ['rate_limited', 'Rate Limited', expect.any(String) as unknown as string],
  ])('should render %s', (code, error, message) => expect(fromError(new AppError(code))).toEqual({ error, message }));

  it('should say that a fault is ours, and by which number to find it [000:error-500]', () => {
    expect(fromError(new AppError('internal', { requestId: 'r1' }))).toEqual({
      error: 'Server Error',
      message: expect.stringContaining('r1'),
    });
  });

  it('should say a sentence once, and name the field where the sentence does not', () => {
    const issues = [
      { path: ['config', 'steps'], message: 'steps must be even' },
      { path: ['config', 'steps'], message: 'steps must be even' },
      { path: ['name'], message: 'Must not be given twice.' },
    ];
    expect(fromError(new AppError('validation_failed', { issues })).details).toEqual([
      'steps must be even',
      'name: Must not be given twice.',
    ]);
  });
});

describe(toJobId, () => {
  it('should read it from names of configurations alone', () => {
    expect(['x.json', 'x', '.json', 'x.json.txt'].map(toJobId)).toEqual(['x', '', '', '']);
  });
});
