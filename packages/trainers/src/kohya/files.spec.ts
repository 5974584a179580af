import { describe, expect, it } from '@jest/globals';
import { collect } from './collect.js';
import { findStates, undrivenDir } from './states.js';

const dir = undrivenDir({ perEpoch: 8, total: 20 });

describe(findStates, () => {
  it('should find states of the driver and of undriven runs, complete ones only', () => {
    const files = [
      'output/state/step-8/state.json',
      'output/state/step-8/model.safetensors',
      'output/state/.step-9.removed/state.json',
      `${dir}/x-000001-state/random_states_0.pkl`,
      `${dir}/x-000002-state/train_state.json`,
      'output/x-000003-state/random_states_0.pkl',
    ];
    expect(findStates(files)).toEqual([
      { step: 8, path: 'output/state/step-8' },
      { step: 8, path: `${dir}/x-000001-state` },
    ]);
  });
});

describe(collect, () => {
  it('should tell checkpoints, the final weights and samples by their names', () => {
    const files = [
      `${dir}/x-000001.safetensors`,
      `${dir}/x-step00000012.safetensors`,
      `${dir}/x.safetensors`,
      `${dir}/sample/x_e000001_00_20261121101010.png`,
      `${dir}/sample/x_000012_01_20261121101010_42.png`,
    ];
    expect(collect(files)).toMatchObject([
      { event: 'checkpoint', step: 8, epoch: 1, isFinal: false },
      { event: 'checkpoint', step: 12, epoch: 1, isFinal: false },
      { event: 'checkpoint', step: 20, isFinal: true },
      { event: 'sample', step: 8 },
      { event: 'sample', step: 12 },
    ]);
  });

  it('should tell states that are whole, and their weights by themselves', () => {
    const files = [
      `${dir}/x-000001-state/model.safetensors`,
      `${dir}/x-000001-state/random_states_0.pkl`,
      `${dir}/x-000002-state/model.safetensors`,
      `${dir}/x-state/random_states_0.pkl`,
    ];
    const [path, , last] = [`${dir}/x-000001-state`, ...files];
    expect(collect(files)).toEqual([
      { event: 'checkpoint', step: 8, epoch: 1, path: last, statePath: path, isFinal: false },
    ]);
  });

  it('should leave alone what the driver announces, and what is no result', () => {
    expect(
      collect(['output/x.safetensors', 'dataset/images/0001.png', `${dir}/x-000001-state/model.safetensors`]),
    ).toEqual([]);
  });
});
