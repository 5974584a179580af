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
    ['ae', 'a: { trainer: kohya, family: flux, model: flux/dev.sft, clipL: a, t5xxl: b, ae: flux/ae.sft }'],
    ['model', 'a: { trainer: kohya, family: flux, model: flux/dev, clipL: a, t5xxl: b, ae: c }'],
    [
      'textEncoder',
      'a: { trainer: kohya, family: hunyuan-image, model: m, textEncoder: hy/qwen.bin, byt5: b, vae: v }',
    ],
    ['vae', 'a: { trainer: kohya, family: anima, model: m, qwen3: q, vae: anima/vae }'],
    ['tokenizerCacheDir', 'a: { trainer: kohya, family: sdxl, model: m, tokenizerCacheDir: models/tokenizers }'],
    ['chatTemplate', 'a: { trainer: trl, model: Qwen/Qwen3-0.6B, chatTemplate: templates/chat.jinja }'],
    ['model', 'a: { trainer: kohya, family: sdxl, model: sdxl/base.sft }'],
  ])('should take %s for a file that only looks like a hub id: %s', (key, entry) => {
    expect(parse(`models: { ${entry} }`)['a']).toHaveProperty(key, expect.stringMatching(/^\/etc\/influencerai\//));
  });

  it('should leave the hub id of a VAE alone where diffusers loads it', () => {
    const entry = '{ trainer: kohya, family: sdxl, model: a/b, vae: madebyollin/sdxl-vae-fp16-fix }';
    expect(parse(`models: { a: ${entry} }`)['a']).toMatchObject({ model: 'a/b', vae: 'madebyollin/sdxl-vae-fp16-fix' });
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
