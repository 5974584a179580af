import type { TrainerEvent } from '@influencerai/shared';
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { RunFacts } from '../trainer.js';
import { createParser } from './parse.js';

const RUN: RunFacts = { startStep: 0, totalSteps: 12, totalEpochs: 3 };

const linesOf = (name: string): string[] =>
  readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8').split(/\r\n|\r|\n/);

const parse = (lines: readonly string[], run: RunFacts = RUN): TrainerEvent[] => {
  const parser = createParser(run);
  return lines.flatMap((line) => parser(line, 'stderr') ?? []);
};

const stepsIn = (events: readonly TrainerEvent[]): number[] =>
  events.flatMap((event) => (event.event === 'progress' ? [event.step] : []));

const bar = (step: number, loss: string): string =>
  `job-x:  50%|#####     | ${step}/12 [00:01<00:00,  8.24it/s, lr: 3.7e-04 loss: ${loss}]`;

describe(createParser, () => {
  it.each(['run.stderr', 'plain.stderr'])('should report every step of %s at most once, in order', (name) => {
    const steps = stepsIn(parse(linesOf(name)));
    expect(steps.at(-1)).toBe(12);
    expect(steps).toEqual([...new Set(steps)].toSorted((a, b) => a - b));
    expect(steps.length).toBeGreaterThan(8);
  });

  it('should read loss and rate, and ignore bars of other work', () => {
    const [first] = parse(linesOf('run.stderr'));
    expect(first).toEqual({ event: 'progress', step: 1, epoch: 1, loss: 1.139, learningRate: 9.8e-4 });
  });

  it('should find nothing in the configuration that the trainer prints', () => {
    expect(parse(linesOf('run.stdout')).filter(({ event }) => event !== 'done')).toEqual([]);
  });

  it('should go on counting after a resume', () => {
    const steps = stepsIn(parse(linesOf('session.stderr'), { ...RUN, startStep: 4 }));
    expect(steps).toEqual([5, 6]);
  });

  it('should take the last of bars that are glued together, cursor codes or not', () => {
    expect(stepsIn(parse([`${bar(3, '1.0e+00')}\u001b[A${bar(4, '9.0e-01')}`]))).toEqual([4]);
  });

  it('should report the end with the last loss', () => {
    expect(parse([bar(12, '5.0e-01'), ' - 1 completed job']).at(-1)).toEqual({ event: 'done', step: 12, loss: 0.5 });
  });

  it('should leave out a loss that is no number', () => {
    expect(parse([bar(3, 'nan')])).toEqual([]);
  });

  it.each([
    ['# OOM during training step, skipping batch 2/3 #', /skipped a batch \(2\/3\)/],
    ['loss is nan', /no number/],
    ['Error processing image: /ws/dataset/000002.png', /000002/],
  ])('should warn of %p', (line, message) => {
    expect(parse([line])).toEqual([{ event: 'warning', message: expect.stringMatching(message) }]);
  });

  it('should believe the driver alone once it has spoken', () => {
    const parser = createParser(RUN);
    const event = { event: 'start', step: 0, totalSteps: 12, totalEpochs: 3 };
    expect(parser(JSON.stringify(event), 'stdout')).toEqual(event);
    expect(parser(bar(3, '1.0e+00'), 'stderr')).toBeUndefined();
  });
});
