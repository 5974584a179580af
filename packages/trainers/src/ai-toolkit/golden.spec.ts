import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { aContext, aSpec } from '../../test/builders.js';
import { ARCHS } from './archs.js';
import type { AiToolkitDriverConfig, AiToolkitProcess } from './config.js';
import { planAiToolkit } from './plan.js';

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));

const driverConfigOf = (arch: string, device: 'cuda' | 'cpu' = 'cuda'): AiToolkitDriverConfig => {
  const spec = aSpec({ trainer: 'ai-toolkit', requestedTrainer: 'ai-toolkit', baseModel: `golden-${arch}` });
  const plan = planAiToolkit(spec, {
    ...aContext({ jobId: '00000000-0000-4000-8000-000000000001' }),
    model: { trainer: 'ai-toolkit', arch, model: `/models/${arch}` },
    host: device === 'cuda' ? { device, gpus: 1 } : { device, gpus: 0 },
  });
  return JSON.parse(plan.files[0]!.content) as AiToolkitDriverConfig;
};

const GOLDEN = [
  'sd1',
  'sdxl',
  'sd3',
  'flux',
  'flux_kontext',
  'flux2',
  'chroma',
  'qwen_image',
  'wan22_14b',
  'zimage',
  'hidream',
  'lumina2',
  'flex2',
  'anima',
];

describe('the configuration of an architecture', () => {
  it.each(GOLDEN)('should be the golden one for %s', (arch) => {
    expect(driverConfigOf(arch)).toEqual(read(`golden/${arch}.json`));
  });

  it('should be the golden one on a CPU', () => {
    expect(driverConfigOf('sd1', 'cpu')).toEqual(read('golden/sd1-cpu.json'));
  });

  // Unknown keys are ignored by the trainer, so a wrong name would only show in worse pictures.
  it.each(Object.keys(ARCHS))('should hold keys only that the trainer reads for %s', (arch) => {
    const known = read('options.generated.json') as Record<string, string[]>;
    const [process] = driverConfigOf(arch).job.config.process;
    expect(known['process']).toEqual(expect.arrayContaining(Object.keys(process)));
    for (const [section, keys] of keysOf(process)) expect(known[section]).toEqual(expect.arrayContaining(keys));
  });

  it('should hold keys only that the trainer reads when every parameter is given', () => {
    const known = read('options.generated.json') as Record<string, string[]>;
    const spec = aSpec({
      extra: {
        networkType: 'lokr',
        convDim: 8,
        convAlpha: 4,
        lokrFactor: 8,
        networkDropout: 0.1,
        noiseOffset: 0.05,
        weightDecay: 0.01,
        warmupSteps: 10,
        negativePrompt: 'blurry',
      },
      training: { lrScheduler: 'constant' },
    });
    const model = { trainer: 'ai-toolkit', arch: 'sdxl', model: '/models/x' } as const;
    const plan = planAiToolkit(spec, aContext({ model }));
    const [process] = (JSON.parse(plan.files[0]!.content) as AiToolkitDriverConfig).job.config.process;
    for (const [section, keys] of keysOf(process)) expect(known[section]).toEqual(expect.arrayContaining(keys));
  });
});

const keysOf = (process: AiToolkitProcess): [section: string, keys: string[]][] => {
  const { network, save, train, model, logging, sample, datasets } = process;
  const samples = sample['samples'] as Record<string, unknown>[];
  return [
    ...Object.entries({ network, save, train, model, logging, sample }),
    ...datasets.map((dataset) => ['datasets', dataset] as const),
    ...samples.map((item) => ['samples', item] as const),
  ].map(([section, values]) => [section, Object.keys(values)]);
};
