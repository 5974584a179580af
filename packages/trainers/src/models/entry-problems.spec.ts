import { describe, expect, it } from '@jest/globals';
import { entryProblems } from './entry-problems.js';
import type { ModelEntry } from './model-entry.js';

const flux: ModelEntry = { trainer: 'kohya', family: 'flux', model: '/m/flux.safetensors' };

describe('entryProblems', () => {
  it.each<[string, ModelEntry, string[]]>([
    ['all that FLUX needs', { ...flux, clipL: '/m/c', t5xxl: '/m/t', ae: '/m/a' }, []],
    ['FLUX without its encoders', flux, ['the family flux needs clipL, t5xxl, ae']],
    [
      'FLUX from the hub',
      { ...flux, model: 'black-forest-labs/FLUX.1-dev', clipL: '/m/c', t5xxl: '/m/t', ae: '/m/a' },
      ['the family flux needs a local file as model'],
    ],
    ['SDXL from the hub', { trainer: 'kohya', family: 'sdxl', model: 'a/b' }, []],
    ['an arch of ai-toolkit', { trainer: 'ai-toolkit', arch: 'qwen_image', model: 'a/b' }, []],
    ['a text model', { trainer: 'trl', model: 'a/b' }, []],
  ])('should judge %s', (_, entry, problems) => expect(entryProblems(entry)).toEqual(problems));

  it('should list the archs that there are', () => {
    const [problem] = entryProblems({ trainer: 'ai-toolkit', arch: 'qwen-image', model: 'a/b' });
    expect(problem).toMatch(/^ai-toolkit has no arch qwen-image: .*\bqwen_image\b/);
  });
});
