import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeSafetensors, encodeSafetensors } from '@influencerai/tiny';
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stampWeights, WeightsError } from '../src/runner/stamp-weights.js';

let dir: string;
let file: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stamp-'));
  file = join(dir, 'a.safetensors');
});

afterEach(() => rm(dir, { recursive: true, force: true }));

const stamp = async (entries: Record<string, string>): Promise<void> => {
  await using input = await open(file);
  await stampWeights(input, join(dir, 'stamped/a.safetensors'), entries);
};

const TENSORS = { 'lora.down': { shape: [2, 3], data: Float32Array.from([1, 2, 3, 4, 5, 6]) } };

describe('stampWeights', () => {
  it('should add to the metadata and leave the tensors as they are', async () => {
    await writeFile(file, encodeSafetensors(TENSORS, { ss_steps: '10', job_id: 'old' }));
    await stamp({ job_id: 'new', base_model: 'Ωmega' });
    const { tensors, metadata } = decodeSafetensors(await readFile(join(dir, 'stamped/a.safetensors')));
    expect(metadata).toEqual({ ss_steps: '10', job_id: 'new', base_model: 'Ωmega' });
    expect([...tensors['lora.down']!.data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await readdir(join(dir, 'stamped'))).toEqual(['a.safetensors']);
  });

  it.each([
    ['text', Buffer.from('weights of a trainer that writes none')],
    ['an empty file', Buffer.alloc(0)],
    ['no tensors', Buffer.from(encodeSafetensors({}, { a: 'b' }))],
    ['a file that was cut off', Buffer.from(encodeSafetensors(TENSORS)).subarray(0, -4)],
  ])('should refuse %s and leave nothing behind', async (_what, content) => {
    await writeFile(file, content);
    await expect(stamp({ job_id: 'new' })).rejects.toBeInstanceOf(WeightsError);
    expect(await readdir(dir)).toEqual(['a.safetensors']);
  });
});
