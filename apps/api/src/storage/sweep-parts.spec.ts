import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sweepParts } from './sweep-parts.js';

describe(sweepParts.name, () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'parts-'))));
  afterAll(() => rm(folder, { recursive: true }));

  it('should remove what nobody has written to for long, and nothing else', async () => {
    const hourAgo = new Date(Date.now() - 3_600_000);
    for (const name of ['dead.part', 'alive.part']) await writeFile(join(folder, name), 'x');
    await utimes(join(folder, 'dead.part'), hourAgo, hourAgo);
    expect(await sweepParts(folder, 60_000)).toBe(1);
    expect(await readdir(folder)).toEqual(['alive.part']);
  });

  it('should find nothing where nothing was ever written', async () => {
    expect(await sweepParts(join(folder, 'none'), 0)).toBe(0);
  });
});
