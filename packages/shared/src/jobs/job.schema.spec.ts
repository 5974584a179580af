import { describe, expect, it } from '@jest/globals';
import {
  ArtifactNameSchema,
  CreateJobSchema,
  JobSeriesQuerySchema,
  ListJobLogsQuerySchema,
  ListJobsQuerySchema,
  UpdateJobSchema,
} from './job.schema.js';
import { JOB_STATUSES } from './job-status.js';

const minimal = { type: 'lora-training', payload: { datasetId: 'd1', loraConfigId: 'c1' } };

describe('CreateJobSchema', () => {
  it('should need a type and a payload only', () => {
    expect(CreateJobSchema.parse(minimal)).toEqual({ ...minimal, priority: 0 });
  });

  it.each([
    ['type', { type: 'content-generation' }],
    ['payload', { payload: null }],
    ['payload.datasetId', { payload: { loraConfigId: 'c1' } }],
    ['payload.loraConfigId', { payload: { datasetId: 'd1', loraConfigId: '' } }],
    ['payload.datasetId', { payload: { datasetId: 'x'.repeat(101), loraConfigId: 'c1' } }],
    ['priority', { priority: 101 }],
    ['priority', { priority: -101 }],
    ['priority', { priority: 0.5 }],
  ])('should name %s when %p is sent', (field, fields) => {
    const { error } = CreateJobSchema.safeParse({ ...minimal, ...fields });
    expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([field]);
  });

  it('should refuse fields it does not know, in the payload too', () => {
    expect(CreateJobSchema.safeParse({ ...minimal, status: 'completed' }).success).toBe(false);
    expect(CreateJobSchema.safeParse({ ...minimal, payload: { ...minimal.payload, outputPath: '/etc' } }).success).toBe(
      false,
    );
  });
});

describe('UpdateJobSchema', () => {
  it('should take any subset', () => {
    expect(UpdateJobSchema.parse({})).toEqual({});
    const progress = { status: 'running', result: { progress: { currentEpoch: 5, totalEpochs: 20, loss: 0.0456 } } };
    expect(UpdateJobSchema.parse(progress)).toEqual(progress);
  });

  it.each(JOB_STATUSES)('should take the status %s; whether it may come is for the state table', (status) => {
    expect(UpdateJobSchema.safeParse({ status }).success).toBe(true);
  });

  it('should tell null, which clears, from absent, which leaves alone', () => {
    expect(UpdateJobSchema.parse({ result: null, costTok: null })).toEqual({ result: null, costTok: null });
  });

  it.each([
    { status: 'paused' },
    { costTok: -1 },
    { costTok: 2 ** 31 },
    { attempt: 0 },
    { result: [] },
    { tenantId: 'x' },
  ])('should refuse %p', (body) => {
    expect(UpdateJobSchema.safeParse(body).success).toBe(false);
  });

  it('should take at most 1000 points of the loss curve, each finite', () => {
    const point = (step: number) => ({ step, epoch: 1, loss: 0.5 });
    const points = (count: number) => Array.from({ length: count }, (_, index) => point(index + 1));
    expect(UpdateJobSchema.parse({ metrics: points(1000) }).metrics?.[0]).toEqual({ ...point(1), learningRate: null });
    expect(UpdateJobSchema.safeParse({ metrics: points(1001) }).success).toBe(false);
    expect(UpdateJobSchema.safeParse({ metrics: [{ ...point(1), loss: Infinity }] }).success).toBe(false);
    expect(UpdateJobSchema.safeParse({ metrics: [point(0)] }).success).toBe(false);
  });
});

describe('ListJobsQuerySchema', () => {
  it('should filter by any status and by type', () => {
    expect(ListJobsQuerySchema.parse({})).toEqual({ take: 20, skip: 0 });
    expect(ListJobsQuerySchema.parse({ status: 'queued', type: 'content-generation' })).toMatchObject({
      status: 'queued',
    });
    expect(ListJobsQuerySchema.safeParse({ status: 'unknown' }).success).toBe(false);
  });
});

describe('JobSeriesQuerySchema', () => {
  it('should look back a week unless told otherwise', () => {
    expect(JobSeriesQuerySchema.parse({})).toEqual({ window: 'week' });
    expect(JobSeriesQuerySchema.parse({ window: 'month' })).toEqual({ window: 'month' });
    expect(JobSeriesQuerySchema.safeParse({ window: 'year' }).success).toBe(false);
  });
});

describe('ListJobLogsQuerySchema', () => {
  it('should read 200 lines unless told otherwise', () => {
    expect(ListJobLogsQuerySchema.parse({})).toEqual({ limit: 200 });
    expect(ListJobLogsQuerySchema.safeParse({ limit: '1001' }).success).toBe(false);
  });
});

describe('ArtifactNameSchema', () => {
  it.each(['lora-final.safetensors', 'sample_1.png', 'A', 'x'.repeat(200)])('should take %s', (name) => {
    expect(ArtifactNameSchema.safeParse(name).success).toBe(true);
  });

  it.each(['', '..', '.hidden', '-rf', 'a/b', 'a\\b', 'a b', 'ä.png', 'a\n', 'x'.repeat(201)])(
    'should refuse %p',
    (name) => {
      expect(ArtifactNameSchema.safeParse(name).success).toBe(false);
    },
  );
});
