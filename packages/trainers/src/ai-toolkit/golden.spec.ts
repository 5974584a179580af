import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { aContext, aSpec } from '../../test/builders.js';
import { ARCHS } from './archs.js';
import type { AiToolkitDriverConfig, AiToolkitProcess } from './config.js';
import { AI_TOOLKIT_OPTIONS } from './options.js';
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

const GOLDEN: readonly { name: string; arch: string; device?: 'cpu' }[] = [
  ...Object.keys(ARCHS).map((arch) => ({ name: arch.replace(':', '-'), arch })),
  { name: 'sd1-cpu', arch: 'sd1', device: 'cpu' },
];

// UPDATE_GOLDEN=1 writes the files anew; `golden/check.py` shows that ai-toolkit's own classes take them.
const isUpdate = process.env['UPDATE_GOLDEN'] !== undefined;

describe('the configuration of an architecture', () => {
  it.each(GOLDEN)('should be the golden one for $name', ({ name, arch, device }) => {
    const config = driverConfigOf(arch, device);
    const file = `golden/${name}.json`;
    if (isUpdate) writeFileSync(new URL(file, import.meta.url), `${JSON.stringify(config, null, 2)}\n`);
    expect(config).toEqual(read(file));
  });

  it('should have no golden file of what is not planned any more', () => {
    const files = readdirSync(new URL('golden', import.meta.url)).filter((file) => file.endsWith('.json'));
    expect(files.sort()).toEqual(GOLDEN.map(({ name }) => `${name}.json`).sort());
  });

  // Unknown keys are ignored by the trainer, so a wrong name would only show in worse pictures.
  it.each(Object.keys(ARCHS))('should hold keys only that the trainer reads for %s', (arch) => {
    const known: Readonly<Record<string, readonly string[]>> = AI_TOOLKIT_OPTIONS;
    const [process] = driverConfigOf(arch).job.config.process;
    expect(known['process']).toEqual(expect.arrayContaining(Object.keys(process)));
    for (const [section, keys] of keysOf(process)) expect(known[section]).toEqual(expect.arrayContaining(keys));
  });

  it('should hold keys only that the trainer reads when every parameter is given', () => {
    const known: Readonly<Record<string, readonly string[]>> = AI_TOOLKIT_OPTIONS;
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
        emaDecay: 0.99,
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
