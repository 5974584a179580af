import { describe, expect, it } from '@jest/globals';
import { AppError } from '@influencerai/shared';
import { aKohyaSpec, KOHYA_MODELS, onGpu } from '../../test/kohya-cases.js';
import { aContext } from '../../test/builders.js';
import type { Plan, PlanContext } from '../trainer.js';
import { planKohya } from './plan.js';

type Spec = Parameters<typeof aKohyaSpec>[0];

const plan = (spec: Spec, context: PlanContext = onGpu('sdxl')): Plan => planKohya(aKohyaSpec(spec), context);
const contentOf = (made: Plan, path: string): string => made.files.find((file) => file.path === path)?.content ?? '';
const refusal = (spec: Spec, context?: PlanContext): unknown => {
  try {
    return plan(spec, context);
  } catch (error) {
    return error instanceof AppError ? error.code : error;
  }
};
const optionsOf = (made: Plan): string[] =>
  [...contentOf(made, 'job.toml').matchAll(/^(\S+) = /gm)].map(([, key]) => key!);
const PLAIN_OPTIONS = optionsOf(plan({}));
const PLAIN_FILES = plan({}).files.map(({ path }) => path);

describe('hostile values', () => {
  it.each([
    ['an optimizer by a dotted name', { training: { optimizer: 'os.system' } }],
    ['an optimizer of a module', { training: { optimizer: 'library.evil.Optimizer' } }],
    ['an optimizer with an option', { training: { optimizer: 'AdamW8bit" \nwandb_api_key = "x' } }],
    ['a schedule by a dotted name', { training: { lrScheduler: 'torch.hub.load' } }],
    ['a schedule of the prototype', { training: { lrScheduler: 'constructor' } }],
    ['a method that is no method', { extra: { method: '__proto__' } }],
    ['an attention that is an option', { extra: { attention: '--network_module=os' } }],
    ['a precision with a line break', { extra: { precision: 'bf16\nresume = "/"' } }],
    ['a rank that is text', { extra: { convDim: '8","network_weights=/etc/passwd' } }],
    ['class tokens of two lines', { extra: { classTokens: 'a\n[general]' } }],
    ['class tokens that are a table', { extra: { classTokens: { $ref: 'x' } } }],
    ['a rate that is infinite in text', { extra: { unetLearningRate: '1e999' } }],
    ['repeats without end', { extra: { numRepeats: 1e9 } }],
    ['buckets of a step the script refuses', { extra: { bucketResoSteps: 17 } }],
  ] as [string, Spec][])('should refuse %s', (_, spec) => {
    expect(refusal(spec)).toBe('spec_unsupported');
  });

  it.each([
    'https://example.com/model.safetensors',
    '../../etc/passwd',
    '/etc/passwd',
    '--config_file=/tmp/x',
    'stable-diffusion-xl',
    'evil/../stable-diffusion-xl',
    'a/b/stable-diffusion-xl',
    '${HOME}/stable-diffusion-v1-5',
    'me/sdxl\nvae = "/x"',
  ])('should not take the model %p for a hub id', (baseModel) => {
    expect(refusal({ baseModel }, aContext())).toBe('model_unavailable');
  });

  it('should refuse a model that the registry has for another trainer', () => {
    const model = { trainer: 'trl', model: '/models/llm' } as const;
    expect(refusal({}, aContext({ model }))).toBe('model_unavailable');
  });

  it.each(['clipL', 't5xxl', 'ae'] as const)('should refuse FLUX without %s', (key) => {
    expect(refusal({}, onGpu('flux', { model: { ...KOHYA_MODELS.flux, [key]: undefined } }))).toBe('model_unavailable');
  });

  it.each([
    'network_module',
    'network_weights',
    'base_weights',
    'optimizer_type',
    'optimizer_args',
    'lr_scheduler_type',
    'dataset_class',
    'huggingface_repo_id',
    'wandb_api_key',
    'log_with',
    'config_file',
    'output_config',
    'resume',
    'resume_from_huggingface',
    'sample_prompts',
    '--help',
    '__proto__x',
    'constructor',
  ])('should take no notice of meta.%s', (key) => {
    const made = plan({ extra: { [key]: 'os' } });
    expect(optionsOf(made)).toEqual(PLAIN_OPTIONS);
    expect(made.mapping.find(({ field }) => field === `extra.${key}`)).toMatchObject({ how: 'dropped' });
    expect(made.command).toEqual(['kohya', '--config', 'driver.json']);
  });

  it.each([
    '--help',
    '../../../etc/cron.d/x',
    'a"\nresume = "/',
    '${HOME}',
    'x-000001',
    'x-step00000001',
    '-state',
    '',
    '…/../..',
    'a\u0000b',
  ])('should make a plain file name of %p', (name) => {
    const { outputName } = JSON.parse(contentOf(plan({ output: { dir: 'd', name } }), 'driver.json')) as {
      outputName: string;
    };
    expect(outputName).toMatch(/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u);
    expect(outputName).not.toMatch(/(-\d{6}|-step\d{8}|-state)$/);
  });

  it.each(['a --n b --cn /etc/passwd', '$(id) ${HOME} `id`', 'x"\n]\n[{"controlnet_image": "/etc/passwd"}', '__a|b__'])(
    'should hand on the prompt %p as text',
    (prompt) => {
      const prompts = JSON.parse(contentOf(plan({ samples: { prompts: [prompt] } }), 'prompts.json')) as object[];
      expect(prompts).toEqual([expect.objectContaining({ prompt })]);
      expect(Object.keys(prompts[0]!)).not.toContain('controlnet_image');
    },
  );

  it('should lay pictures and captions under names of its own', () => {
    const image = { path: '/data/x/--n\n${HOME}.PNG', caption: 'a\r\nb\u2028c\u0000', width: 512, height: 512 };
    const made = plan({}, onGpu('sdxl', { dataset: { kind: 'image', images: [image] } }));
    expect(made.links).toEqual([{ path: 'dataset/images/0001.png', target: image.path }]);
    expect(contentOf(made, 'dataset/images/0001.txt')).toBe('a b c\n');
    expect(made.files.map(({ path }) => path)).toEqual([...PLAIN_FILES.slice(0, 4), 'dataset/images/0001.txt']);
  });

  it('should write no caption where there is none', () => {
    const image = { path: '/data/x/a.png', caption: ' \n', width: 512, height: 512 };
    const made = plan({}, onGpu('sdxl', { dataset: { kind: 'image', images: [image] } }));
    expect(made.files.map(({ path }) => path)).not.toContain('dataset/images/0001.txt');
    expect(contentOf(made, 'dataset.json')).toContain('"class_tokens": "ohwx"');
  });

  it('should keep a path of the operator on one line', () => {
    const model = { ...KOHYA_MODELS.sdxl, model: '/models/a"b\\c\u007f.safetensors' };
    expect(contentOf(plan({}, onGpu('sdxl', { model })), 'job.toml').split('\n')[0]).toBe(
      'pretrained_model_name_or_path = "/models/a\\"b\\\\c\\u007f.safetensors"',
    );
  });
});
