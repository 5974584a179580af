import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { parseModels } from './parse-models.js';

describe('docs/models.example.yaml', () => {
  it('should be a registry', async () => {
    const file = new URL('../../../../docs/models.example.yaml', import.meta.url);
    const { models } = parseModels(await readFile(file, 'utf8'), '/srv/models/models.yaml');
    expect(new Set(Object.values(models).map(({ trainer }) => trainer))).toEqual(
      new Set(['kohya', 'ai-toolkit', 'trl']),
    );
    // What the documents of two contracts call them.
    for (const name of ['llama3.2:3b', 'codellama-7b-instruct']) expect(models[name]).toMatchObject({ trainer: 'trl' });
    expect(models['stabilityai/stable-diffusion-xl-base-1.0']).toMatchObject({
      model: '/srv/models/sdxl/sd_xl_base_1.0.safetensors',
    });
  });
});
