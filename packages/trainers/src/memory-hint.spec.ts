import { describe, expect, it } from '@jest/globals';
import { aSpec } from '../test/builders.js';
import { aKohyaSpec, KOHYA_MODELS } from '../test/kohya-cases.js';
import { memoryHint } from './memory-hint.js';
import type { ModelEntry } from './models/model-entry.js';

const entry = (arch: string): ModelEntry => ({ trainer: 'ai-toolkit', arch, model: '/models/x' });
const one = { batchSize: 1 };

describe('memoryHint', () => {
  it('should name the numbers of the job', () => {
    const spec = aKohyaSpec({ training: { batchSize: 4, gradientAccumulation: 2 } });
    expect(memoryHint(spec, KOHYA_MODELS.sdxl)).toContain(
      'Lower batchSize to 2 and raise meta.gradientAccumulation to 4',
    );
  });

  it('should advise what the trainer has', () => {
    expect(memoryHint(aKohyaSpec({ training: one }), KOHYA_MODELS.flux)).toContain('meta.blocksToSwap');
    expect(memoryHint(aSpec({ trainer: 'trl', kind: 'text', training: one }))).toContain('meta.method: "qlora"');
    expect(memoryHint(aSpec({ trainer: 'ai-toolkit', training: one }), entry('sdxl'))).toContain('meta.lowVram');
  });

  it('should advise nothing that is so by default', () => {
    const spec = aKohyaSpec({ training: one });
    expect(memoryHint(spec, KOHYA_MODELS.flux)).not.toContain('networkTrainUnetOnly');
    expect(memoryHint(spec, KOHYA_MODELS.sdxl)).toContain('networkTrainUnetOnly');
    const transformer = aSpec({ trainer: 'ai-toolkit', training: one });
    expect(memoryHint(transformer, entry('flux'))).not.toContain('quantize');
    expect(memoryHint(transformer, { ...entry('flux'), lowVram: true } as ModelEntry)).not.toContain('lowVram');
  });

  it('should advise nothing that the model does not have', () => {
    expect(memoryHint(aKohyaSpec({ training: one }), KOHYA_MODELS.anima)).not.toContain('fp8Base');
    const full = aKohyaSpec({ training: one, extra: { method: 'finetune' }, network: { dim: 64, alpha: 64 } });
    expect(memoryHint(full, KOHYA_MODELS.sdxl)).not.toMatch(/networkTrainUnetOnly|networkDim/);
  });

  it.each([
    [{ network: { dim: 33, alpha: 1 } }, 'networkDim from 33 to 32'],
    [{ network: { dim: 129, alpha: 1 } }, 'networkDim from 129 to 64'],
    [{ training: { batchSize: 1, resolution: 1300 } }, 'resolution from 1300 to 1024'],
    [{ training: { batchSize: 1, resolution: 900 } }, 'resolution from 900 to 512'],
  ])('should give numbers that can be set for %p', (overrides, advice) => {
    const hint = memoryHint(aSpec({ training: { batchSize: 1, resolution: 512 }, ...overrides }));
    expect(hint).toContain(`Lower ${advice}.`);
    expect(hint.match(/Lower/g)).toHaveLength(1);
  });

  it('should say so when nothing is left to save', () => {
    const spec = aSpec({ network: { dim: 8, alpha: 8 }, training: { batchSize: 1, resolution: 512 } });
    expect(memoryHint(spec)).toContain('a GPU with more memory');
  });
});
