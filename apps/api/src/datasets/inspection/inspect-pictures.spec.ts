import { describe, expect, it } from '@jest/globals';
import type { PictureReport } from './inspect-picture.js';
import { summarize } from './inspect-pictures.js';
import { Problems } from './problems.js';

const aReport = (name: string, change: Partial<PictureReport> = {}): PictureReport => ({
  picture: { key: `set/${name}`, name, sizeBytes: 10, version: '1' },
  sha256: `hash of ${name}`,
  image: { format: 'png', width: 2, height: 1 },
  caption: { name: `${name}.txt`, sha256: 'caption', sizeBytes: 5 },
  errors: [],
  warnings: [],
  ...change,
});

describe('summarize', () => {
  it('should add up what training can use', () => {
    const { status, stats, problems } = summarize(
      [
        aReport('a'),
        aReport('b', { image: { format: 'jpeg', width: 2, height: 1 } }),
        aReport('c', { caption: undefined }),
      ],
      new Problems(),
    );
    expect([status, problems]).toEqual(['ready', []]);
    expect(stats).toMatchObject({
      images: 3,
      captions: 2,
      bytes: 40,
      formats: { png: 2, jpeg: 1 },
      resolutions: { '2x1': 3 },
    });
  });

  it('should call the second of two equal pictures the duplicate', () => {
    const { stats, problems } = summarize(
      [aReport('a', { sha256: 'same' }), aReport('b', { sha256: 'same' })],
      new Problems(),
    );
    expect([stats.duplicates, problems]).toEqual([
      1,
      [{ file: 'b', severity: 'warning', reason: 'The same picture as a.' }],
    ]);
  });

  it('should fail a dataset of which nothing is left', () => {
    const broken = aReport('a', { image: undefined, errors: [{ file: 'a', reason: 'broken' }] });
    const { status, stats, problems } = summarize([broken], new Problems());
    expect([status, stats.unreadable, stats.images, problems.map(({ file }) => file)]).toEqual([
      'failed',
      1,
      0,
      ['a', ''],
    ]);
  });

  it('should give one digest for one content, in whatever order it was found', () => {
    const digest = (...reports: PictureReport[]) => summarize(reports, new Problems()).stats.digest;
    expect(digest(aReport('a'), aReport('b'))).toBe(digest(aReport('b'), aReport('a')));
    expect(digest(aReport('a'))).not.toBe(digest(aReport('a', { sha256: 'other' })));
    expect(digest(aReport('a'))).not.toBe(digest(aReport('a', { caption: undefined })));
  });
});
