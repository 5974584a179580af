import { describe, expect, it } from '@jest/globals';
import type { TrainerEvent } from '@influencerai/shared';
import { readFileSync } from 'node:fs';
import { createParser } from './parse.js';

const RUN = { startStep: 0, totalSteps: 24, totalEpochs: 3 };
const bar = (count: number, loss?: string): string =>
  `steps:  12%|█▎        | ${count}/24 [00:00<00:03,  6.1it/s${loss === undefined ? '' : `, avr_loss=${loss}`}]`;

const eventsOf = (lines: readonly string[], run = RUN): TrainerEvent[] => {
  const parse = createParser(run);
  return lines.flatMap((line) => parse(line, 'stderr') ?? []);
};
const linesOf = (fixture: string): string[] =>
  readFileSync(new URL(`fixtures/${fixture}`, import.meta.url), 'utf8').split(/\r\n|\n|\r/);
const stepsOf = (events: TrainerEvent[]): number[] =>
  events.flatMap((event) => (event.event === 'progress' ? [event.step] : []));

describe(createParser, () => {
  it.each(['kohya-rich.stderr'])('should see every step of %s once, in order', (fixture) => {
    const events = eventsOf(linesOf(fixture));
    expect(events[0]).toEqual({ event: 'start', step: 0, totalSteps: 24, totalEpochs: 3 });
    expect(stepsOf(events)).toEqual(Array.from({ length: 24 }, (_, index) => index + 1));
  });

  it('should count on from the state of a resumed run', () => {
    const events = eventsOf(linesOf('kohya-resume-simple.stderr'), { ...RUN, startStep: 10 });
    expect(events[0]).toMatchObject({ event: 'start', step: 10 });
    expect(stepsOf(events)).toEqual(Array.from({ length: 14 }, (_, index) => index + 11));
  });

  it('should take the loss of the second drawing of a step', () => {
    const events = eventsOf([bar(1), bar(1, '1.09'), bar(2, '1.09'), bar(2, '1.16'), bar(3, '0.9')]);
    expect(events.slice(1)).toEqual([
      { event: 'progress', step: 1, epoch: 1, loss: 1.09 },
      { event: 'progress', step: 2, epoch: 1, loss: 1.16 },
      { event: 'progress', step: 3, epoch: 1, loss: 0.9 },
    ]);
  });

  it('should follow the epochs that are printed', () => {
    const events = eventsOf([bar(1), bar(1, '1'), 'epoch 2/3', bar(2, '0.5')]);
    expect(events.at(-1)).toMatchObject({ step: 2, epoch: 2 });
  });

  it('should read bars that other lines are glued to', () => {
    const events = eventsOf([bar(1), `${bar(1, '1.09')}2026-11-21 03:11 INFO saving`, bar(2, '1.09') + bar(2, '1.2')]);
    expect(stepsOf(events)).toEqual([1, 2]);
  });

  it.each(['nan', 'inf', '-inf'])('should report a loss of %s once', (loss) => {
    const events = eventsOf([bar(1), bar(1, '1.0'), bar(2, loss), bar(3, '0.1'), bar(4, loss)]);
    const errors = events.filter(({ event }) => event === 'error');
    expect(errors).toEqual([
      expect.objectContaining({ code: 'loss_not_finite', message: expect.stringContaining('2') }),
    ]);
  });

  it('should report a loss that explodes', () => {
    const losses = [...Array<number>(40).fill(0.1), ...Array<number>(60).fill(8)];
    const events = eventsOf(
      [bar(1), ...losses.map((loss, index) => bar(index + 1, `${loss}`))].flatMap((line) => [line, line]),
      { startStep: 0, totalSteps: 100, totalEpochs: 1 },
    );
    expect(events.filter(({ event }) => event === 'error')).toEqual([
      expect.objectContaining({ code: 'loss_diverged' }),
    ]);
  });

  it.each([
    'read caption: 100%|██████████| 8/8 [00:00<00:00, 28679.00it/s]',
    '100%|██████████| 2/2 [00:00<00:00, 28.00it/s]',
    'validation steps:  50%|█████     | 2/4 [00:00<00:00, 28.00it/s, avr_loss=0.1]',
    'epoch validation steps:  50%|█████     | 2/4 [00:00<00:00, 28.00it/s, avr_loss=0.1]',
    'steps:   0%|          | 0/24 [00:00<?, ?it/s]',
    '                    INFO     steps from the state is ignored',
    'prompt: steps: 12%',
  ])('should take %p for a log line', (line) => {
    expect(eventsOf([line])).toEqual([]);
  });

  it('should believe nothing but events once there was one', () => {
    const parse = createParser(RUN);
    const start = '{"event": "start", "step": 0, "totalSteps": 24, "totalEpochs": 3}';
    expect(parse(start, 'stdout')).toMatchObject({ event: 'start' });
    expect([bar(1), bar(1, '1.0')].map((line) => parse(line, 'stderr'))).toEqual([undefined, undefined]);
  });
});
