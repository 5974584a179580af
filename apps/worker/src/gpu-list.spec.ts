import { describe, expect, it } from '@jest/globals';
import { chooseGpus } from './gpu-list.js';

const UUID_OF_H200 = 'GPU-5f2f1c2e-0b1a-4c8d-9a50-3c8f1f6f0a01';
const H200 = '0, GPU-5f2f1c2e-0b1a-4c8d-9a50-3c8f1f6f0a01, NVIDIA H200, 143771, 9.0, Disabled';
const T4 = '1, GPU-0c9d2b7e-77aa-4c11-8d1b-6f0e2d3c4b02, Tesla T4, 15360, 7.5, [N/A]';
const GB10 = '0, GPU-6a1b2c3d-0000-4000-8000-000000000003, NVIDIA GB10, [N/A], 12.1, [N/A]';
const SLICED = '2, GPU-7b000000-0000-4000-8000-000000000004, NVIDIA A100-SXM4-80GB, 81920, 8.0, Enabled';
const LOST = '3, [Unknown Error], [Unknown Error], [Unknown Error], [Unknown Error], [Unknown Error]';

const choose = (lines: string[], wanted?: string[]) =>
  chooseGpus({ csv: `${lines.join('\n')}\n`, wanted, hostMemoryBytes: 128 * 1024 ** 3 });

const indexes = (lines: string[], wanted?: string[]) => choose(lines, wanted).gpus.map(({ index }) => index);

describe('chooseGpus', () => {
  it('should read what nvidia-smi prints', () => {
    expect(choose([H200, T4])).toEqual({
      gpus: [
        { index: 0, uuid: UUID_OF_H200, name: 'NVIDIA H200', memoryMiB: 143_771, computeCapability: 9 },
        { index: 1, uuid: expect.any(String), name: 'Tesla T4', memoryMiB: 15_360, computeCapability: 7.5 },
      ],
    });
  });

  it('should give a GPU that shares the memory of the host all of it', () => {
    expect(choose([GB10]).gpus).toEqual([expect.objectContaining({ name: 'NVIDIA GB10', memoryMiB: 131_072 })]);
  });

  it.each([
    [['1'], [1]],
    [
      ['1', '0'],
      [0, 1],
    ],
    [['GPU-5f2f1c2e-0b1a-4c8d-9a50-3c8f1f6f0a01'], [0]],
    [['GPU-0c9d'], [1]],
  ])('should keep those that %p names: %p', (wanted, expected) => {
    expect(indexes([H200, T4], wanted)).toEqual(expected);
  });

  it.each([['2'], ['GPU-ffff'], ['MIG-a65afc88-50b5-5ccf-b0a8-f93b3247ae9e'], ['all']])(
    'should find fault with the name of one that is not there: %s',
    (name) => {
      expect(choose([H200, T4], ['0', name])).toEqual({ gpus: [], problem: expect.stringContaining(name) });
    },
  );

  it.each([['No devices were found'], ['0, NVIDIA H200, 143771']])('should find fault with other lines: %s', (line) => {
    expect(choose([line])).toEqual({ gpus: [], problem: expect.stringContaining(line) });
  });

  it('should find fault with silence', () => {
    expect(choose([])).toEqual({ gpus: [], problem: expect.stringContaining('no GPU') });
  });

  it.each([
    ['slices (MIG)', SLICED],
    ['[Unknown Error]', LOST],
  ])('should find fault with a GPU of %s, unless it is not wanted', (words, line) => {
    expect(choose([H200, line])).toEqual({ gpus: [], problem: expect.stringContaining(words) });
    expect(indexes([H200, line], ['0'])).toEqual([0]);
  });
});
