import { describe, expect, it } from '@jest/globals';
import { aContext, aSpec } from '../../test/builders.js';
import { planTrl } from './plan.js';

type Overrides = Parameters<typeof aSpec>[0];

const plan = ({ training, ...overrides }: NonNullable<Overrides>) =>
  planTrl(
    aSpec({
      kind: 'text',
      trainer: 'trl',
      requestedTrainer: 'trl',
      baseModel: 'Qwen/Qwen2.5-0.5B',
      training: { minSnrGamma: null, ...training },
      ...overrides,
    }),
    aContext({ dataset: { kind: 'text', rows: [{ text: 'to be' }] } }),
  );

/** Values that try to be options, paths, Python names, look-ups in the environment, or keys of trackers. */
const REFUSED: [what: string, spec: NonNullable<Overrides>][] = [
  ['a path as base model', { baseModel: '/etc/passwd' }],
  ['a relative path as base model', { baseModel: '../../models/secret' }],
  ['a parent folder within a hub id', { baseModel: 'a../..b' }],
  ['an option as base model', { baseModel: '--trust_remote_code' }],
  ['an option within a hub id', { baseModel: 'x/--trust_remote_code' }],
  ['a URL as base model', { baseModel: 'https://example.org/model' }],
  ['a look-up as base model', { baseModel: '${HOME}/model' }],
  ['a line end in the base model', { baseModel: 'a/b\nenv: {A: 1}' }],
  ['a Python name as optimizer', { training: { optimizer: 'os.system' } }],
  ['a name of JavaScript as optimizer', { training: { optimizer: 'constructor' } }],
  ['a Python name as schedule', { training: { lrScheduler: '__import__("os").system' } }],
  ['a name of JavaScript as schedule', { training: { lrScheduler: 'toString' } }],
  ['a pattern as target module', { extra: { loraTargetModules: ['.*'] } }],
  ['a pattern in place of target modules', { extra: { loraTargetModules: '.*lm_head' } }],
  ['an option as target module', { extra: { loraTargetModules: ['--push_to_hub'] } }],
  ['a path as target module', { extra: { loraTargetModules: ['../x'] } }],
  ['an option as method', { extra: { method: '--use_peft' } }],
  ['a list as precision', { extra: { precision: ['bf16'] } }],
  ['text as a number', { extra: { maxLength: '1024' } }],
  ['a number without bounds', { extra: { weightDecay: 1e308 } }],
];

const INERT: [key: string, value: string | boolean | Record<string, string>][] = [
  ['env', { LD_PRELOAD: '/tmp/x.so' }],
  ['trust_remote_code', true],
  ['report_to', 'wandb'],
  ['hub_token', 'x'],
  ['push_to_hub', true],
  ['wandb_api_key', 'x'],
  ['output_dir', '/etc'],
  ['resume_from_checkpoint', '/etc'],
  ['deepspeed', '/tmp/x.json'],
  ['model_init_kwargs', '{"trust_remote_code": true}'],
  ['dataset_name', 'someone/elses'],
  ['__proto__', 'x'],
  ['sft', { push_to_hub: 'true' }],
];

/** Text that a tenant may well write, and that must stay text. */
const TEXTS = ['${HOME}', '--output_dir=/etc', '{{ 7*7 }}', '../../x', 'a"\n}, "push_to_hub": true, {"'];

describe('hostile specs', () => {
  it.each(REFUSED)('should refuse %s', (_, spec) => {
    expect(() => plan(spec)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(spec_unsupported|model_unavailable)$/) }),
    );
  });

  it.each(INERT)('should let meta.%s change nothing', (key, value) => {
    const planned = plan({ extra: Object.fromEntries([[key, value]]) as { [key: string]: string } });
    const plain = plan({});
    expect({ ...planned, mapping: [] }).toEqual({ ...plain, mapping: [] });
  });

  it.each(TEXTS)('should keep %p text wherever text is allowed', (text) => {
    const planned = plan({
      samples: { prompts: [text] },
      output: { dir: 'data/x', name: text },
      dataset: { id: 'd', kind: 'fine-tuning', path: 'data/x', digest: null, examples: 1, triggerWord: text },
    });
    expect(planned.command).toEqual(['trl', '--config', 'driver.json']);
    const config = JSON.parse(planned.files.at(-1)!.content) as Record<string, unknown>;
    expect(config).toMatchObject({
      name: expect.stringMatching(/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u),
      samples: { prompts: [text] },
      metadata: { trigger_word: text },
      sft: { push_to_hub: false, output_dir: 'output/run', report_to: 'none', trust_remote_code: false },
    });
    expect(JSON.stringify(planned.env)).not.toContain(text);
  });
});
