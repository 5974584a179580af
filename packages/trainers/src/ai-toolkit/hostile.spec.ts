import type { TrainingSpec } from '@influencerai/shared';
import { describe, expect, it } from '@jest/globals';
import { aContext, aSpec } from '../../test/builders.js';
import type { Plan, PlanContext } from '../trainer.js';
import type { AiToolkitDriverConfig, AiToolkitProcess } from './config.js';
import { planAiToolkit } from './plan.js';

type Extra = TrainingSpec['extra'];

const MODEL = { trainer: 'ai-toolkit', arch: 'sdxl', model: '/models/sdxl' } as const;

const planOf = (spec: Parameters<typeof aSpec>[0], context: Partial<PlanContext> = {}): Plan =>
  planAiToolkit(aSpec(spec), aContext({ model: MODEL, ...context }));
const jobOf = (plan: Plan): AiToolkitDriverConfig => JSON.parse(plan.files[0]!.content) as AiToolkitDriverConfig;
const processOf = (plan: Plan): AiToolkitProcess => jobOf(plan).job.config.process[0];
const HARMLESS = jobOf(planOf({}));

describe('values that try to be more than values', () => {
  it.each([
    ['${HOME}'],
    ['${HF_TOKEN}'],
    ['a photo ${PATH} of'],
    ['/etc/passwd'],
    ['--ctrl_img /etc/passwd'],
    ['a face --n ugly --w 100000 --steps 999999'],
    ['a—b ---- --d 1'],
    ['[name]'],
    ['[[name]] [trigger]'],
    ['line\n--network_multiplier 9'],
    ['"}], "use_wandb": true, "x": [{"'],
  ])('should be text and nothing else as a prompt: %j', (prompt) => {
    const process = processOf(planOf({ samples: { prompts: [prompt] } }));
    const [{ prompt: written }] = process.sample['samples'] as [{ prompt: string }];
    expect(written).not.toMatch(/--|\[name\]|\n/);
    expect({ ...process.sample, samples: [] }).toEqual({
      ...HARMLESS.job.config.process[0].sample,
      samples: [],
    });
  });

  it.each(['[name]', '${HOME}', '[[name]]', '"; x: y'])('should be text as a trigger word: %j', (triggerWord) => {
    const { dataset } = aSpec();
    const job = jobOf(planOf({ dataset: { ...dataset, triggerWord } }));
    expect(job.job.config.process[0].trigger_word).not.toContain('[name]');
    expect(Object.keys(job.job.config.process[0])).toEqual(Object.keys(HARMLESS.job.config.process[0]));
  });

  it.each(['[name] smiling', '${HOME}', '--steps 9'])('should be text as a caption: %j', (caption) => {
    const images = [{ path: '/d/a.png', caption, width: 64, height: 64 }];
    const plan = planOf({}, { dataset: { kind: 'image', images } });
    expect(plan.files[1]!.content).toBe(caption.replace('[name]', '(name)'));
  });

  it.each([
    'https://civitai.com/models/1',
    'civitai.com/api/download/models/1',
    '/models/secret',
    '../../etc',
    'someone/with-remote-code',
    '--trust_remote_code',
    '${HF_TOKEN}',
    '[name]',
    '*',
  ])('should not become the model: %j', (baseModel) => {
    expect(() => planOf({ baseModel }, { model: undefined })).toThrow(
      expect.objectContaining({ code: 'model_unavailable' }),
    );
    expect(processOf(planOf({ baseModel })).model['name_or_path']).toBe('/models/sdxl');
  });

  it.each([
    'os.system',
    'bitsandbytes.optim.AdamW',
    'dadaptation; import os',
    '__class__',
    'constructor',
    'adamw --x',
    '${HOME}',
  ])('should be no optimizer and no schedule: %j', (word) => {
    const refused = expect.objectContaining({ code: 'spec_unsupported' });
    expect(() => planOf({ training: { optimizer: word } })).toThrow(refused);
    expect(() => planOf({ training: { lrScheduler: word } })).toThrow(refused);
  });

  it.each<Extra>([
    { use_wandb: true },
    { project_name: 'x' },
    { sqlite_db_path: '/data/aitk_db.db' },
    { push_to_hub: true, hf_repo_id: 'a/b' },
    { hf_token: 'hf_x' },
    { pretrained_lora_path: '/x.safetensors' },
    { model_kwargs: { a: 1 } },
    { name_or_path: 'civitai.com/x' },
    { training_folder: '/tmp' },
    { log_dir: '/tmp' },
    { type: 'concept_slider' },
    { extra_values: [1] },
    { constructor: 1 },
    { toString: 1 },
    { accuracy_recovery_adapter: 'a/b' },
    { control_path: '/etc' },
  ])('should not reach the configuration as an extra key: %j', (extra) => {
    const plan = planOf({ extra });
    expect(jobOf(plan)).toEqual(HARMLESS);
    for (const key of Object.keys(extra)) {
      expect(plan.mapping).toContainEqual(expect.objectContaining({ field: `extra.${key}`, how: 'dropped' }));
    }
  });

  it.each<Extra>([{ networkType: 'lorm' }, { precision: '${X}' }, { timestepType: 'a.b' }, { resolutions: [1e9] }])(
    'should be refused as the value of a known key: %j',
    (extra) => {
      expect(() => planOf({ extra })).toThrow(expect.objectContaining({ code: 'spec_unsupported' }));
    },
  );

  it.each(['../../x', '-rf', 'a/b', '[name]*', 'o', 'loss_log.db'])('should be no path as a name: %j', (name) => {
    const job = jobOf(planOf({ output: { dir: 'data/loras/x', name } }));
    expect(job.publishName).toMatch(/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u);
    expect(job.job.config.name).toBe(HARMLESS.job.config.name);
  });
});
