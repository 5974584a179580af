import { describe, expect, it } from '@jest/globals';
import { aSpec } from '../test/builders.js';
import { memoryHint } from './memory-hint.js';

describe('memoryHint', () => {
  it('should name the numbers of the job', () => {
    const spec = aSpec({ trainer: 'kohya', training: { batchSize: 4, gradientAccumulation: 2, resolution: 1024 } });
    expect(memoryHint(spec)).toContain('Lower batchSize to 2 and raise meta.gradientAccumulation to 4');
  });

  it('should advise what the trainer has', () => {
    const training = { batchSize: 1 };
    const flux = aSpec({ trainer: 'kohya', baseModel: 'black-forest-labs/FLUX.1-dev', training });
    expect(memoryHint(flux)).toContain('meta.blocksToSwap');
    expect(memoryHint(aSpec({ trainer: 'trl', kind: 'text', training }))).toContain('meta.method: "qlora"');
    expect(memoryHint(aSpec({ trainer: 'ai-toolkit', training }))).toContain('meta.lowVram');
  });

  it('should say so when nothing is left to save', () => {
    const spec = aSpec({ network: { dim: 8, alpha: 8 }, training: { batchSize: 1, resolution: 512 } });
    expect(memoryHint(spec)).toContain('a GPU with more memory');
  });
});
