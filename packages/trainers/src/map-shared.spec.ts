import { describe, expect, it } from '@jest/globals';
import { aSpec } from '../test/builders.js';
import { mapShared } from './map-shared.js';

const withWords = (triggerWords: string[]) => ({ dataset: { ...aSpec().dataset, triggerWords } });

describe(mapShared, () => {
  it('should say nothing of what is not set', () => {
    expect(mapShared(aSpec())).toEqual([]);
    expect(mapShared(aSpec(withWords([])))).toEqual([]);
  });

  it('should tell where trigger words go', () => {
    expect(mapShared(aSpec(withWords(['ohwx', 'style'])))).toEqual([
      {
        field: 'dataset.triggerWords',
        how: 'exact',
        to: 'captions, in front of those that lack them: ohwx, style',
      },
    ]);
    expect(mapShared(aSpec({ kind: 'text', ...withWords(['ohwx']) }))).toEqual([
      { field: 'dataset.triggerWords', how: 'dropped', reason: 'Rows are learned as they are.' },
    ]);
  });

  it('should tell what happens when memory runs out', () => {
    expect(mapShared(aSpec({ onOutOfMemory: 'shrink' }))).toEqual([
      { field: 'onOutOfMemory', how: 'exact', to: 'once, from the last state, with half the batch' },
    ]);
    expect(mapShared(aSpec({ onOutOfMemory: 'shrink', training: { batchSize: 1 } }))).toEqual([
      { field: 'onOutOfMemory', how: 'dropped', reason: 'A batch of one cannot be made smaller.' },
    ]);
  });
});
