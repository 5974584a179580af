import { describe, expect, it } from '@jest/globals';
import { findStates } from './states.js';

const state = (folder: string): string[] =>
  ['lora.safetensors', 'optimizer.safetensors', 'state.json'].map((name) => `${folder}/${name}`);

describe('findStates', () => {
  it('should find complete states only', () => {
    const files = [
      ...state('output/state/step-20'),
      ...state('output/state/step-40'),
      ...state('output/state/step-60').slice(1),
      ...state('output/state/.step-80.partial'),
      'output/x-epoch-1.safetensors',
    ];
    expect(findStates(files)).toEqual([
      { step: 20, path: 'output/state/step-20' },
      { step: 40, path: 'output/state/step-40' },
    ]);
  });
});
