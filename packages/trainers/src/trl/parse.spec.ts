import { describe, expect, it } from '@jest/globals';
import { createParser } from './parse.js';

describe('createParser', () => {
  it('should take the events of the driver as they are', () => {
    const event = { event: 'paused', step: 5 };
    expect(createParser()(JSON.stringify(event), 'stdout')).toEqual(event);
  });

  it.each([
    "{'loss': '6.08', 'grad_norm': '0.7141', 'learning_rate': '0.01', 'epoch': '0.125'}",
    ' 42%|████▏     | 10/24 [00:00<?, ?it/s]',
    '✅ Training completed.',
  ])('should leave %p to the log', (line) => {
    expect(createParser()(line, 'stdout')).toBeUndefined();
  });
});
