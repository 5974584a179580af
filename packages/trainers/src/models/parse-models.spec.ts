import { describe, expect, it } from '@jest/globals';
import { ModelsFileError, parseModels } from './parse-models.js';

const parse = (text: string) => parseModels(text, '/etc/influencerai/models.yaml').models;

describe('parseModels', () => {
  it('should start relative paths at the folder of the file and leave hub ids alone', () => {
    const models = parse(`
models:
  SDXL:
    trainer: kohya
    family: sdxl
    model: sdxl/base.safetensors
    vae: /models/vae.safetensors
  Qwen/Qwen3-0.6B:
    trainer: trl
    model: Qwen/Qwen3-0.6B
`);
    expect(models).toEqual({
      SDXL: {
        trainer: 'kohya',
        family: 'sdxl',
        model: '/etc/influencerai/sdxl/base.safetensors',
        vae: '/models/vae.safetensors',
      },
      'Qwen/Qwen3-0.6B': { trainer: 'trl', model: 'Qwen/Qwen3-0.6B' },
    });
  });

  it.each([
    ['an unknown trainer', 'models: { a: { trainer: cook, model: x } }', 'models.a'],
    ['an unknown key', 'models: { a: { trainer: trl, model: x, colour: red } }', 'colour'],
    ['a path that would be read as an option', 'models: { a: { trainer: trl, model: --help } }', 'start with "-"'],
    ['aliases, which can grow without bound', 'a: &a [x]\nmodels: *a', 'Alias resolution'],
    ['what is no YAML', 'models: {', 'models.yaml'],
    ['nothing', '', 'expected object'],
  ])('should refuse %s and say where', (_, text, word) => {
    expect(() => parse(text)).toThrow(ModelsFileError);
    expect(() => parse(text)).toThrow(word);
  });
});
