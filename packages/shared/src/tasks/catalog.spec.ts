import { describe, expect, it } from '@jest/globals';
import { TRAINER_IDS } from '../trainers/trainer-id.js';
import { CANARY_QUEUE, TASKS, trainerQueue } from './catalog.js';

describe('TASKS', () => {
  it('should carry ids and times, never data', () => {
    expect(TASKS['train-lora'].parse({ jobId: 'j1', spec: {} })).toEqual({ jobId: 'j1' });
    expect(TASKS.canary.safeParse({ sentAt: 'now' }).success).toBe(false);
  });
});

describe('trainerQueue', () => {
  it('should give each trainer a queue of its own, without characters that BullMQ refuses', () => {
    const names = [...TRAINER_IDS.map(trainerQueue), CANARY_QUEUE];
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => name.includes(':'))).toEqual([]);
  });
});
