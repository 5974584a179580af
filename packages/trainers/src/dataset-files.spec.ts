import { describe, expect, it } from '@jest/globals';
import { datasetFiles } from './dataset-files.js';

describe('datasetFiles', () => {
  it('should name pictures and the captions that belong to one', () => {
    const names = ['a.png', 'a.txt', 'b.JPEG', 'b.TXT', 'c.txt', 'sub/a.webp', 'sub/a.txt', 'sub.dir/c.txt', 'd.gif'];
    expect(datasetFiles('image', names)).toEqual(['a.png', 'a.txt', 'b.JPEG', 'b.TXT', 'sub/a.webp', 'sub/a.txt']);
  });

  it('should name files of rows', () => {
    expect(datasetFiles('text', ['a.jsonl', 'b.csv', 'c.TXT', 'd.md', 'e.png'])).toEqual(['a.jsonl', 'b.csv', 'c.TXT']);
  });
});
