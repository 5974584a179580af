import { describe, expect, it } from '@jest/globals';
import { CreateDatasetSchema, ListDatasetsQuerySchema, UpdateDatasetStatusSchema } from './dataset.schema.js';

const minimal = { kind: 'lora-training', path: 'data/datasets/my-influencer' };
const failedFields = (fields: object) =>
  CreateDatasetSchema.safeParse({ ...minimal, ...fields }).error?.issues.map((issue) => issue.path.join('.'));

describe('CreateDatasetSchema', () => {
  it('should need no meta', () => {
    expect(CreateDatasetSchema.parse(minimal)).toEqual({ ...minimal, meta: {} });
  });

  it('should keep meta as sent', () => {
    const meta = { imageCount: 25, resolution: '1024x1024', triggerWord: 'ohwx', anything: [null] };
    expect(CreateDatasetSchema.parse({ ...minimal, meta }).meta).toEqual(meta);
  });

  it.each(['lora-training', 'fine-tuning'])('should know the kind %s', (kind) => {
    expect(failedFields({ kind })).toBeUndefined();
  });

  it.each([undefined, 'LORA-TRAINING', '', null, 7])('should refuse %p as kind', (kind) => {
    expect(failedFields({ kind })).toEqual(['kind']);
  });

  it.each([undefined, '', 'x'.repeat(1025), 7, null])('should refuse %p as path', (path) => {
    expect(failedFields({ path })).toEqual(['path']);
  });

  it('should take a path of 1024 characters', () => {
    expect(failedFields({ path: 'x'.repeat(1024) })).toBeUndefined();
  });

  it('should not let a client set what is measured', () => {
    expect(CreateDatasetSchema.safeParse({ ...minimal, status: 'ready' }).success).toBe(false);
  });
});

describe('ListDatasetsQuerySchema', () => {
  it('should default to the newest first', () => {
    expect(ListDatasetsQuerySchema.parse({})).toEqual({ take: 20, skip: 0, sortBy: 'createdAt', sortOrder: 'desc' });
  });

  it('should take the documented filters', () => {
    const query = {
      status: 'ready',
      kind: 'fine-tuning',
      take: '10',
      skip: '5',
      sortBy: 'updatedAt',
      sortOrder: 'asc',
    };
    expect(ListDatasetsQuerySchema.parse(query)).toEqual({ ...query, take: 10, skip: 5 });
  });

  it.each([{ status: 'done' }, { kind: 'video' }, { sortBy: 'name' }, { sortOrder: 'up' }])(
    'should refuse %p',
    (query) => {
      expect(ListDatasetsQuerySchema.safeParse(query).success).toBe(false);
    },
  );
});

describe('UpdateDatasetStatusSchema', () => {
  it.each(['pending', 'processing', 'ready', 'failed'])('should take %s', (status) => {
    expect(UpdateDatasetStatusSchema.parse({ status })).toEqual({ status });
  });

  it.each([{}, { status: 'deleted' }, { status: 'ready', path: 'data/other' }])('should refuse %p', (body) => {
    expect(UpdateDatasetStatusSchema.safeParse(body).success).toBe(false);
  });
});
