import { describe, expect, it } from '@jest/globals';
import { ClaimRequestSchema, HeartbeatSchema, RegisterWorkerSchema } from './worker.schema.js';

const worker = {
  id: '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d',
  host: 'gpu-1',
  pid: 4711,
  version: '0.1.0',
  slots: 2,
  gpus: [{ index: 0, name: 'NVIDIA H200', memoryMiB: 143_771 }],
  trainers: ['tiny'],
  unusable: [{ trainer: 'kohya', reason: 'Its torch cannot use the GPU.' }],
  held: [],
};

describe('RegisterWorkerSchema', () => {
  it('should take a worker as it describes itself', () => {
    expect(RegisterWorkerSchema.parse(worker)).toEqual(worker);
  });

  it.each([
    { id: 'worker-1' },
    { slots: 0 },
    { slots: 65 },
    { trainers: [] },
    { trainers: ['other'] },
    { pid: 3_000_000_000 },
    { held: [{ jobId: 'zzz', attempt: 1 }] },
    { held: [{ jobId: worker.id, attempt: 0 }] },
    { held: [{ jobId: worker.id, attempt: 3_000_000_000 }] },
  ])('should refuse %p', (fields) => {
    expect(RegisterWorkerSchema.safeParse({ ...worker, ...fields }).success).toBe(false);
  });
});

describe('ClaimRequestSchema', () => {
  it('should want at least one trainer', () => {
    expect(ClaimRequestSchema.safeParse({ trainers: [] }).success).toBe(false);
  });
});

describe('HeartbeatSchema', () => {
  it('should take a worker as not draining unless it says so', () => {
    expect(HeartbeatSchema.parse({ held: [{ jobId: worker.id, attempt: 1 }] }).isDraining).toBe(false);
  });
});
