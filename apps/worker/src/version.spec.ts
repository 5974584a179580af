import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { VERSION } from './version.js';

describe('VERSION', () => {
  it("should be the package's", async () => {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(VERSION).toBe(version);
  });
});
