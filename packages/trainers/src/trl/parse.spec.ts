import { describe, expect, it } from '@jest/globals';
import type { TrainerEvent } from '@influencerai/shared';
import { readFileSync } from 'node:fs';
import { createParser } from './parse.js';

const RUN = { startStep: 0, totalSteps: 24, totalEpochs: 3 };

/** What `trl sft` printed of 24 steps on a CPU (trl 1.13, transformers 5.18). */
const recorded = (name: string): string[] =>
  readFileSync(new URL(`../../test/trl/${name}.txt`, import.meta.url), 'utf8').split(/[\r\n]+/);

const eventsOf = (lines: readonly string[], stream: 'stdout' | 'stderr', run = RUN): TrainerEvent[] => {
  const parse = createParser(run);
  return lines.flatMap((line) => parse(line, stream) ?? []);
};

describe('createParser', () => {
  it('should count the steps of a recorded run', () => {
    const events = eventsOf(recorded('sft.stdout'), 'stdout');
    expect(events).toHaveLength(24);
    expect(events[0]).toEqual({ event: 'progress', step: 1, epoch: 1, loss: 6.08, learningRate: 0.01 });
    expect(events.at(-1)).toEqual({
      event: 'progress',
      step: 24,
      epoch: 3,
      loss: 5.788,
      learningRate: 0.0004167,
    });
  });

  it('should find the start among the bars', () => {
    expect(eventsOf(recorded('sft.stderr'), 'stderr')).toEqual([
      { event: 'start', step: 0, totalSteps: 24, totalEpochs: 3 },
    ]);
  });

  it('should count on from where a resumed run starts', () => {
    const parse = createParser({ ...RUN, startStep: 8 });
    expect(parse(' 42%|████▏     | 10/24 [00:00<?, ?it/s]', 'stderr')).toMatchObject({ event: 'start', step: 10 });
    expect(parse("{'loss': '5.7', 'learning_rate': '0.01', 'epoch': '1.375'}", 'stdout')).toMatchObject({
      step: 11,
      epoch: 2,
    });
  });

  it('should read numbers without quotes, as older releases print them', () => {
    const line = "{'loss': 6.08, 'grad_norm': 0.7141, 'learning_rate': 1e-05, 'epoch': 0.12}";
    expect(eventsOf([line], 'stdout')).toEqual([
      { event: 'progress', step: 1, epoch: 1, loss: 6.08, learningRate: 0.00001 },
    ]);
  });

  it.each([
    ["{'loss': 'nan', 'grad_norm': 'nan', 'learning_rate': '0.01', 'epoch': '0.5'}", 'NaN'],
    ["{'loss': nan, 'learning_rate': 0.01, 'epoch': 0.5}", 'NaN'],
    ["{'loss': 'inf', 'learning_rate': '0.01', 'epoch': '0.5'}", 'Infinity'],
  ])('should report once that %s is no loss', (line, word) => {
    const events = eventsOf([line, line], 'stdout');
    expect(events).toEqual([{ event: 'error', code: 'loss_not_finite', message: expect.stringContaining(word) }]);
  });

  it('should take the events of a driver as they are', () => {
    const event = { event: 'paused', step: 5 };
    expect(eventsOf([JSON.stringify(event)], 'stdout')).toEqual([event]);
  });

  it.each([
    "{'train_runtime': '0.3641', 'train_loss': '5.846', 'epoch': '3'}",
    '✅ Training completed.',
    '💾 Model saved to out.',
    "{'text': 'loss'}",
  ])('should leave %p to the log', (line) => {
    expect(eventsOf([line], 'stdout')).toEqual([]);
  });
});
