import { describe, expect, it } from '@jest/globals';
import { DatasetFileNameSchema } from './job-dataset.schema.js';

describe('DatasetFileNameSchema', () => {
  it.each(['a.png', 'sub/folder/a b.txt', 'größe.jpg', 'a..b/c...txt', 'x'.repeat(1024)])('should take %j', (name) => {
    expect(DatasetFileNameSchema.safeParse(name).success).toBe(true);
  });

  it.each([
    '',
    '.',
    '..',
    '../x',
    'a/../../x',
    '/etc/passwd',
    'a//b',
    'a/',
    './a',
    '.hidden/a.png',
    'a\0.png',
    'a\\..\\b',
    'C:\\x',
    'ö'.repeat(513),
  ])('should refuse %j', (name) => {
    expect(DatasetFileNameSchema.safeParse(name).success).toBe(false);
  });
});
