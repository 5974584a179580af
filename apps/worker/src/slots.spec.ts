import { describe, expect, it } from '@jest/globals';
import { gpuEnvironment } from './gpu-discovery.js';
import { hostFacts } from './host-facts.js';
import { jobsWithoutSharing, planSlots, type Slot, SlotPool } from './slots.js';

const indexes = (slot: Slot): number[] => slot.gpus.map(({ index }) => index);

const gpus = [
  { index: 0, uuid: 'GPU-a', name: 'NVIDIA H200', memoryMiB: 143_771 },
  { index: 1, uuid: 'GPU-b', name: 'NVIDIA A100-SXM4-80GB', memoryMiB: 81_920 },
];

describe('gpuEnvironment', () => {
  it('should name GPUs in the order in which nvidia-smi counts them, and hide all from jobs of the CPU', () => {
    expect(gpuEnvironment(gpus)).toEqual({ CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '0,1' });
    expect(gpuEnvironment([])).toEqual({ CUDA_VISIBLE_DEVICES: '' });
  });
});

describe('hostFacts', () => {
  const [first, second] = [gpus[0]!, gpus[1]!];

  it.each([
    [[{ ...first, computeCapability: 9 }], true],
    [
      [
        { ...first, computeCapability: 9 },
        { ...second, computeCapability: 7.5 },
      ],
      false,
    ],
    [[first], true],
  ])('should say of %j that they have bf16: %p', (all, hasBf16) => {
    expect(hostFacts(all, undefined)).toMatchObject({ device: 'cuda', gpus: all.length, hasBf16 });
  });

  it('should take a host without GPUs for one that trains on the CPU', () => {
    expect(hostFacts([], false)).toMatchObject({ device: 'cpu', gpus: 0, hasBitsandbytes: false });
  });
});

describe('planSlots', () => {
  it('should make a slot per GPU', () => {
    expect(planSlots({ gpus, cores: 64 }).map(indexes)).toEqual([[0], [1]]);
  });

  it('should make a slot per two cores where there is no GPU, and at least one', () => {
    expect(planSlots({ gpus: [], cores: 8 })).toHaveLength(4);
    expect(planSlots({ gpus: [], cores: 1 })).toEqual([{ index: 0, gpus: [] }]);
  });

  it('should spread the slots asked for over the GPUs', () => {
    expect(planSlots({ gpus, cores: 64, asked: 3 }).map(indexes)).toEqual([[0], [1], [0]]);
  });

  it('should give a job as many GPUs as told, and leave out those that make no whole group', () => {
    const three = [...gpus, { index: 2, uuid: 'GPU-c', name: 'NVIDIA H200', memoryMiB: 143_771 }];
    expect(planSlots({ gpus: three, cores: 64, gpusPerJob: 2 }).map(indexes)).toEqual([[0, 1]]);
  });
});

describe('jobsWithoutSharing', () => {
  it.each([
    [{ asked: 3 }, 2],
    [{ asked: 2, gpusPerJob: 2 }, 1],
    [{ asked: 2 }, undefined],
    [{ asked: 2, gpus: [] }, undefined],
  ])('should tell of the slots of two GPUs with %p: %p', (plan, expected) => {
    expect(jobsWithoutSharing(planSlots({ gpus, cores: 4, ...plan }))).toBe(expected);
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
