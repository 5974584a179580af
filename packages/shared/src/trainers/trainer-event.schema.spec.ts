import { describe, expect, it } from '@jest/globals';
import { TrainerCommandSchema, TrainerEventSchema } from './trainer-event.schema.js';

describe('TrainerEventSchema', () => {
  it.each([
    { event: 'start', step: 0, totalSteps: 10, totalEpochs: 1 },
    { event: 'progress', step: 1, epoch: 1, loss: 0.5, learningRate: 0.001 },
    { event: 'sample', step: 0, path: 'samples/0.png', prompt: 'a cat' },
    { event: 'paused', step: 5 },
    { event: 'done', step: 10, loss: 0.1 },
    { event: 'aborted', step: 3 },
    { event: 'warning', message: 'Slow disk.' },
    { event: 'error', code: 'trainer_out_of_memory', message: 'No memory left.', hint: 'Use a smaller batch.' },
  ])('should take $event as it is', (event) => {
    expect(TrainerEventSchema.parse(event)).toEqual(event);
  });

  it('should take a checkpoint as not final unless it says so', () => {
    const checkpoint = { event: 'checkpoint', step: 5, epoch: 1, path: 'output/a.safetensors' };
    expect(TrainerEventSchema.parse(checkpoint)).toEqual({ ...checkpoint, isFinal: false });
  });

  it.each([
    { event: 'progress', step: 0, epoch: 1, loss: 0.5 },
    { event: 'progress', step: 1, epoch: 1, loss: Number.NaN },
    { event: 'start', step: 0, totalSteps: 0, totalEpochs: 1 },
    { event: 'finished' },
    'done',
  ])('should refuse %p, which is a log line then', (line) => {
    expect(TrainerEventSchema.safeParse(line).success).toBe(false);
  });
});

describe('TrainerCommandSchema', () => {
  it('should grant whole, positive numbers of steps', () => {
    expect(TrainerCommandSchema.safeParse({ command: 'grant', steps: 5 }).success).toBe(true);
    expect(TrainerCommandSchema.safeParse({ command: 'grant', steps: 0 }).success).toBe(false);
    expect(TrainerCommandSchema.safeParse({ command: 'grant' }).success).toBe(false);
  });
});
