import { describe, expect, it } from '@jest/globals';
import { createParser } from './parse.js';

describe(createParser, () => {
  it('should believe the events of the driver', () => {
    const start = { event: 'start', step: 0, totalSteps: 24, totalEpochs: 3 };
    expect(createParser()(JSON.stringify(start), 'stdout')).toEqual(start);
  });

  it.each([
    'steps:  12%|█▎        | 3/24 [00:00<00:03,  6.1it/s, avr_loss=0.0912]',
    'read caption: 100%|██████████| 8/8 [00:00<00:00, 28679.00it/s]',
    '                    INFO     steps from the state is ignored',
    'epoch 2/3',
  ])('should take %p for a log line', (line) => {
    expect([createParser()(line, 'stdout'), createParser()(line, 'stderr')]).toEqual([undefined, undefined]);
  });
});
