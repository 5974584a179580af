import { describe, expect, it } from '@jest/globals';
import { aSpec } from '../test/builders.js';
import { captionFor } from './caption.js';

const { dataset } = aSpec();

describe(captionFor, () => {
  it('should leave a caption as it is where a job has no trigger words', () => {
    expect(captionFor(' a red square\n', dataset)).toBe('a red square');
  });

  it("should take the dataset's trigger word where there is no caption", () => {
    expect(captionFor('  ', dataset)).toBe('ohwx');
    expect(captionFor(undefined, { ...dataset, triggerWord: null })).toBe('');
  });

  it('should put trigger words before captions that lack them [000:trigger-captions]', () => {
    const job = { ...dataset, triggerWord: 'my-style, sks', triggerWords: ['my-style', 'sks'] };
    expect(captionFor('a cat', job)).toBe('my-style, sks, a cat');
    expect(captionFor('a cat in my-style', job)).toBe('sks, a cat in my-style');
    expect(captionFor(undefined, job)).toBe('my-style, sks');
  });
});
