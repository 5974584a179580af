import { describe, expect, it } from '@jest/globals';
import { collect } from './collect.js';

const dir = 'training/job-0190-a';

describe(collect, () => {
  it('should name the true step of a save of the loop, and the end', () => {
    expect(collect([`${dir}/job-0190-a_000000250.safetensors`, `${dir}/job-0190-a.safetensors`])).toMatchObject([
      { event: 'checkpoint', step: 251, isFinal: false },
      { event: 'checkpoint', isFinal: true },
    ]);
  });

  it('should keep the two stages of a model together', () => {
    const [high, low] = ['high', 'low'].map((stage) => `${dir}/job-0190-a_${stage}_noise.safetensors`);
    expect(collect([high!, low!])).toMatchObject([{ path: high, companions: [low] }]);
  });

  it('should find samples', () => {
    const path = `${dir}/samples/1795249381934__000000006_0.jpg`;
    expect(collect([path])).toMatchObject([{ event: 'sample', step: 6, path }]);
  });

  it('should leave everything to the driver where it ran', () => {
    expect(collect(['output/x.safetensors', `${dir}/job-0190-a.safetensors`])).toEqual([]);
  });

  it.each(['training/job-a/optimizer.pt', `${dir}/samples/.thumbs/1__000000006_0.jpg.jpg`, 'dataset/000001.png'])(
    'should pass over %s',
    (path) => {
      expect(collect([path])).toEqual([]);
    },
  );
});
