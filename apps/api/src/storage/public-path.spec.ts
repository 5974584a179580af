import { describe, expect, it } from '@jest/globals';
import { problemOfPublicPath } from './public-path.js';

describe('problemOfPublicPath', () => {
  it.each([
    'data/a',
    'data/datasets/my-influencer',
    'data/a/',
    'data/a b/c.txt',
    'data/人物/né',
    'data/a..b/c.',
    'data/a%2e',
  ])('should allow %s', (path) => {
    expect(problemOfPublicPath(path)).toBeUndefined();
  });

  it.each([
    ['', /start with "data\/"/],
    ['data', /start with "data\/"/],
    ['DATA/a', /start with "data\/"/],
    ['/data/a', /start with "data\/"/],
    ['./data/a', /start with "data\/"/],
    ['C:/data', /start with "data\/"/],
    ['data/', /name a file or folder/],
    ['data/ /a', /name a file or folder/],
    ['data//a', /name a file or folder/],
    ['data/a//', /name a file or folder/],
    ['data/..', /"\.\."/],
    ['data/a/../b', /"\.\."/],
    ['data/.', /start with "\."/],
    ['data/.ssh/id', /start with "\."/],
    ['data/...', /start with "\."/],
    ['data\\a', /"\/" between/],
    ['data/a\0', /Control/],
    ['data/a\u007f', /Control/],
    ['data/a\u200b', /Control/],
    ['data/\u2024\u2024/a', /look-alikes/],
    ['data/\uff0e/a', /look-alikes/],
    ['data/\ufe52', /look-alikes/],
    ['data/\udc00', /look-alikes/],
    [`data/${'é'.repeat(128)}`, /255 bytes/],
  ])('should refuse %j', (path, message) => {
    expect(problemOfPublicPath(path)).toMatch(message);
  });
});
