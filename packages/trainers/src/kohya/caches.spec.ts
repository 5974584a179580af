import { describe, expect, it } from '@jest/globals';
import { aKohyaSpec, manyPictures, onGpu } from '../../test/kohya-cases.js';
import type { KohyaFamily } from '../models/model-entry.js';
import { planKohya } from './plan.js';

const GIB = 1024 ** 3;

const plan = (family: KohyaFamily, count: number, { extra = {}, gpus = 1 } = {}) =>
  planKohya(aKohyaSpec({ extra }), onGpu(family, { dataset: manyPictures(count), host: { device: 'cuda', gpus } }));

const cachesOf = (planned: ReturnType<typeof plan>): string[] =>
  planned.files.find(({ path }) => path === 'job.toml')!.content.match(/^cache_\w+_to_disk(?= = true$)/gm) ?? [];

const BOTH = ['cache_latents_to_disk', 'cache_text_encoder_outputs_to_disk'];

describe('the caches of a job', () => {
  it('should be kept in memory where the dataset is small', () => {
    expect(cachesOf(plan('flux', 400))).toEqual([]);
    expect(cachesOf(plan('sdxl', 10_000))).toEqual([]);
  });

  it('should be written to the disk before they fill the memory, and the disk be reserved', () => {
    const large = plan('flux', 5000);
    expect(cachesOf(large)).toEqual(BOTH);
    expect(large.files.find(({ path }) => path === 'job.toml')!.content).toContain('max_data_loader_n_workers = 2\n');
    expect(large.diskBytes - plan('flux', 400).diskBytes).toBeGreaterThan(40 * GIB);
  });

  it('should be counted once for each process, which would hold them all', () => {
    expect(cachesOf(plan('flux', 400, { gpus: 2 }))).toEqual(BOTH);
  });

  it('should name no cache that the job does without', () => {
    expect(cachesOf(plan('flux', 5000, { extra: { cacheTextEncoderOutputs: false } }))).toEqual([BOTH[0]]);
    expect(cachesOf(plan('flux', 5000, { extra: { cacheLatents: false } }))).toEqual([BOTH[1]]);
  });

  it('should stay in memory for a full fine-tune', () => {
    expect(cachesOf(plan('sdxl', 50_000, { extra: { method: 'finetune' } }))).toEqual([]);
  });
});
