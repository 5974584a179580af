import { access, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { TrainerEvent } from '@influencerai/shared';
import { TinyConfigSchema } from '../src/index.js';
import { TrainerControl } from '../src/training/control.js';
import type { Learner } from '../src/training/learner.js';
import { Trainer } from '../src/training/trainer.js';

/** Learns nothing; its loss is not a number from the third step on. */
const brokenLearner: Learner = {
  kind: 'text',
  layers: [{ name: 'only', inputs: 2, outputs: 2 }],
  examples: 10,
  step: (_, step) =>
    Promise.resolve({
      loss: step < 3 ? 1 : Number.NaN,
      gradients: { 'only.down': new Float32Array(4), 'only.up': new Float32Array(4) },
    }),
  sample: () => Promise.reject(new Error('not asked for')),
};

describe(Trainer.name, () => {
  it('should end with loss_not_finite and save nothing of that step', async () => {
    const outputDir = await mkdtemp(join(tmpdir(), 'tiny-'));
    const config = TinyConfigSchema.parse({
      kind: 'text',
      dataset: { rows: ['unused'] },
      outputDir,
      name: 'test',
      network: { dim: 2, alpha: 2 },
      training: { epochs: 1, batchSize: 1, learningRate: 1e-4 },
      checkpoint: { everySteps: 1 },
    });
    const control = new TrainerControl({
      input: new PassThrough(),
      isBudgeted: false,
      stopsOnClose: false,
      onIgnored: () => undefined,
    });
    const events: TrainerEvent[] = [];
    const training = new Trainer({
      config,
      learner: brokenLearner,
      control,
      emit: (event) => events.push(event),
    }).train();

    await expect(training).rejects.toMatchObject({
      code: 'loss_not_finite',
      message: expect.stringContaining('step 3'),
    });
    control.close();
    expect(events.filter(({ event }) => event === 'checkpoint')).toMatchObject([{ step: 1 }, { step: 2 }]);
    await expect(access(join(outputDir, 'test-final.safetensors'))).rejects.toThrow();
  });
});
