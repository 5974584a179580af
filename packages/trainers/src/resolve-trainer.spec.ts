import { describe, expect, it } from '@jest/globals';
import type { ModelRegistry } from './models/model-registry.js';
import { isKnownModel, resolveTrainer } from './resolve-trainer.js';

describe('resolveTrainer', () => {
  it.each([
    ['tiny', 'tiny', 'image'],
    ['tiny-image', 'tiny', 'image'],
    ['tiny-text', 'tiny', 'text'],
    ['sd15', 'kohya', 'image'],
    ['SD-1.5', 'kohya', 'image'],
    ['sd-turbo', 'kohya', 'image'],
    ['stable-diffusion-v1-5/stable-diffusion-v1-5', 'kohya', 'image'],
    ['stabilityai/stable-diffusion-xl-base-1.0', 'kohya', 'image'],
    ['sdxl', 'kohya', 'image'],
    ['sd3', 'kohya', 'image'],
    ['stabilityai/stable-diffusion-3.5-large', 'kohya', 'image'],
    ['black-forest-labs/FLUX.1-dev', 'kohya', 'image'],
    ['flux1-dev.safetensors', 'kohya', 'image'],
    ['black-forest-labs/FLUX.1-Kontext-dev', 'ai-toolkit', 'image'],
    ['black-forest-labs/FLUX.2-dev', 'ai-toolkit', 'image'],
    ['Qwen/Qwen-Image', 'ai-toolkit', 'image'],
    ['Wan-AI/Wan2.1-T2V-14B', 'ai-toolkit', 'image'],
    ['Tongyi-MAI/Z-Image-Turbo', 'ai-toolkit', 'image'],
    ['krea/Krea-2-Turbo', 'ai-toolkit', 'image'],
    ['microsoft/Mage-Flow-Base', 'ai-toolkit', 'image'],
    ['Boogu/Boogu-Image-0.1-Base', 'ai-toolkit', 'image'],
    ['Photoroom/prxpixel-t2i', 'ai-toolkit', 'image'],
    ['someone/my-own-model', 'kohya', 'image'],
    ['meta-llama/Llama-3.2-1B', 'trl', 'text'],
  ])('should send %s with pictures to %s (%s)', (model, trainer, kind) => {
    expect(resolveTrainer(model, 'lora-training')).toEqual({ trainer, kind });
  });

  it.each([
    ['tiny', 'tiny', 'text'],
    ['tiny-text', 'tiny', 'text'],
    ['Qwen/Qwen3-0.6B', 'trl', 'text'],
    ['someone/my-own-model', 'trl', 'text'],
  ])('should send %s with text to %s (%s)', (model, trainer, kind) => {
    expect(resolveTrainer(model, 'fine-tuning')).toEqual({ trainer, kind });
  });

  it("should believe the operator's registry before the name", () => {
    const registry: ModelRegistry = {
      models: {
        'FLUX.1-dev': { trainer: 'ai-toolkit', arch: 'flux', model: '/models/flux' },
        'house-style': { trainer: 'trl', model: '/models/house' },
      },
    };
    expect(resolveTrainer(' flux.1-DEV ', 'lora-training', registry)).toEqual({ trainer: 'ai-toolkit', kind: 'image' });
    expect(resolveTrainer('house-style', 'lora-training', registry)).toEqual({ trainer: 'trl', kind: 'text' });
    expect(resolveTrainer('sdxl', 'lora-training', registry)).toEqual({ trainer: 'kohya', kind: 'image' });
  });

  it('should keep the kind of a known model, so that a dataset of the other kind can be refused', () => {
    expect(resolveTrainer('sdxl', 'fine-tuning').kind).toBe('image');
    expect(resolveTrainer('tiny-image', 'fine-tuning').kind).toBe('image');
    expect(resolveTrainer('mistralai/Mistral-7B-v0.3', 'lora-training').kind).toBe('text');
  });
});

describe(isKnownModel, () => {
  it('should know names that say which trainer they call for', () => {
    const names = ['codellama-7b-instruct', 'TINY', ' tiny-text', 'sdxl', 'someone/my-own-model', 'model_name', ''];
    expect(names.filter(isKnownModel)).toEqual(['codellama-7b-instruct', 'TINY', ' tiny-text', 'sdxl']);
  });
});
