import { describe, expect, it } from '@jest/globals';
import { parseEvent } from './parse-event.js';

describe('parseEvent', () => {
  it('should read an event', () => {
    const line = '{"event":"progress","step":3,"epoch":1,"loss":0.5,"learningRate":0.001}';
    expect(parseEvent(line, 'stdout')).toEqual({
      event: 'progress',
      step: 3,
      epoch: 1,
      loss: 0.5,
      learningRate: 0.001,
    });
  });

  it('should fill in that a checkpoint is not the final one', () => {
    expect(
      parseEvent('{"event":"checkpoint","step":3,"epoch":1,"path":"output/a.safetensors"}', 'stdout'),
    ).toMatchObject({
      isFinal: false,
    });
  });

  it.each([
    ['plain text', 'stdout'],
    ['{"event":"progress"', 'stdout'],
    ['{"event":"progress","step":"3"}', 'stdout'],
    ['{"event":"unheard-of"}', 'stdout'],
    ['[1]', 'stdout'],
    ['', 'stdout'],
    ['{"event":"aborted","step":3}', 'stderr'],
  ] as const)('should take %p on %s for a log line', (line, stream) => {
    expect(parseEvent(line, stream)).toBeUndefined();
  });
});
