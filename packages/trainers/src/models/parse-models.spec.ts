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

  it('should name the line, and for a wrong key those that are allowed', () => {
    const text = `# comment
models:
  a:
    trainer: trl
    model: x
    colour: red
  b:
    trainer: kohya
    family: sd9
    model: y
  c:
    trainer: trl
`;
    const message = messageOf(() => parse(text));
    expect(message).toContain('line 6, models.a: unknown key colour; allowed: trainer, model, chatTemplate');
    expect(message).toContain('line 9, models.b.family: ');
    expect(message).toContain('line 12, models.c.model: ');
    expect(messageOf(() => parse('models: {}\nmodel: {}\n'))).toContain(
      'line 2, the file: unknown key model; allowed: models',
    );
    expect(messageOf(() => parse('models:\n  a: [\n'))).toMatch(/line 3/);
  });
});

const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('It did not throw.');
};
