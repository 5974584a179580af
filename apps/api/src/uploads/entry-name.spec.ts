import { describe, expect, it } from '@jest/globals';
import { EntryNames, MAX_NAMES_BYTES } from './entry-name.js';

/** Names of one size, none like another. */
const longName = (index: number, bytes: number): string => `${index}`.padStart(bytes - 4, 'x') + '.txt';

const namesOf = (count: number, bytes: number): string[] =>
  Array.from({ length: count }, (_, index) => longName(index, bytes));

describe(EntryNames.name, () => {
  it('should refuse a name that differs only in case, or in how its letters are written', () => {
    const names = new EntryNames(10);
    expect(names.take('a/Straße.txt')).toBeUndefined();
    expect(names.take('A/STRASSE.TXT')).toContain('Another file has this name');
  });

  it('should refuse a file where a folder is, and a folder where a file is, however deep', () => {
    const names = new EntryNames(10);
    expect(names.take('a/b/c/d.txt')).toBeUndefined();
    expect(names.take('a/b')).toContain('Another file');
    expect(names.take('a/b/c/d.txt/e.txt')).toContain('Another file');
    expect(names.take('a/b/c/e.txt')).toBeUndefined();
  });

  it('should keep names up to a sum of their bytes, and not one more', () => {
    const names = new EntryNames(10);
    for (const name of namesOf(MAX_NAMES_BYTES / 256, 256)) names.take(name);
    expect(() => names.take('a')).toThrow(expect.objectContaining({ code: 'upload_too_large' }));
  });

  it('should count the folders that names imply, each once', () => {
    const names = new EntryNames(3);
    names.take('a/b/c/1.txt');
    names.take('a/b/c/2.txt');
    expect(() => names.take('d/3.txt')).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ limit: '3 folders' }) }),
    );
  });
});
