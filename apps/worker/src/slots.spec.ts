import { describe, expect, it } from '@jest/globals';
import { onlyVisible, parseGpuCsv } from './gpu-discovery.js';
import { planSlots, SlotPool } from './slots.js';

const gpus = parseGpuCsv('0, NVIDIA H200, 143771\n1, NVIDIA A100-SXM4-80GB, 81920\n');

describe('parseGpuCsv', () => {
  it('should read what nvidia-smi prints', () => {
    expect(gpus).toEqual([
      { index: 0, name: 'NVIDIA H200', memoryMiB: 143_771 },
      { index: 1, name: 'NVIDIA A100-SXM4-80GB', memoryMiB: 81_920 },
    ]);
  });

  it('should leave out what is no GPU', () => {
    expect(parseGpuCsv('No devices were found\n\n2, Broken, [N/A]\n')).toEqual([]);
  });
});

describe('onlyVisible', () => {
  it.each([
    [undefined, [0, 1]],
    ['1', [1]],
    ['0, 1', [0, 1]],
    ['-1', []],
  ])('should keep of two GPUs with CUDA_VISIBLE_DEVICES %p: %p', (visible, expected) => {
    expect(onlyVisible(gpus, visible).map(({ index }) => index)).toEqual(expected);
  });
});

describe('planSlots', () => {
  it('should make a slot per GPU', () => {
    expect(planSlots({ gpus, cores: 64 }).map(({ gpu }) => gpu?.index)).toEqual([0, 1]);
  });

  it('should make a slot per two cores where there is no GPU, and at least one', () => {
    expect(planSlots({ gpus: [], cores: 8 })).toHaveLength(4);
    expect(planSlots({ gpus: [], cores: 1 })).toEqual([{ index: 0, gpu: undefined }]);
  });

  it('should spread the slots asked for over the GPUs', () => {
    expect(planSlots({ gpus, cores: 64, asked: 3 }).map(({ gpu }) => gpu?.index)).toEqual([0, 1, 0]);
  });
});

describe(SlotPool.name, () => {
  it('should hand out each slot once and the lowest first', () => {
    const pool = new SlotPool(planSlots({ gpus: [], cores: 1, asked: 2 }));
    const [first, second] = [pool.take(), pool.take()];
    expect(pool.hasFree).toBe(false);
    expect(pool.take()).toBeUndefined();
    pool.giveBack(second!);
    pool.giveBack(first!);
    expect(pool.take()?.index).toBe(0);
  });
});
