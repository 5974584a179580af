import { describe, expect, it } from '@jest/globals';
import { findStates, isWhole } from './states.js';

const FILES = [
  'output/state/step-5/state.json',
  'output/state/.step-4.removed/state.json',
  'output/run/checkpoint-8/adapter_model.safetensors',
  'output/run/checkpoint-8/trainer_state.json',
  'output/run/checkpoint-16/adapter_model.safetensors',
  'output/run/checkpoint-24/adapter_model.safetensors',
  'output/run/checkpoint-24/trainer_state.json',
  'output/run/checkpoint-24/checkpoint-is-incomplete.txt',
];

describe('findStates', () => {
  it('should find what a driver or TRL itself finished', () => {
    expect(findStates(FILES)).toEqual([
      { step: 5, path: 'output/state/step-5' },
      { step: 8, path: 'output/run/checkpoint-8', mark: 'output/run/checkpoint-8/trainer_state.json' },
    ]);
  });
});

describe('isWhole', () => {
  it.each([
    ['{"epoch": 0.5, "global_step": 8, "log_history": []}', true],
    ['{"epoch": 0.5, "global_step": 4, "log_history": []}', false],
    ['{"epoch": 0.5, "global_step": 8, "log_hi', false],
    ['{}', false],
    ['', false],
  ])('should judge %j by its step', (mark, expected) => {
    expect(isWhole(mark, { step: 8, path: 'output/run/checkpoint-8' })).toBe(expected);
  });
});
