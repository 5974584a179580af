import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PICTURE_SIZE } from '../model/codec.js';
import type { Random } from '../random.js';
import { CHARACTERS } from './characters.js';

export const fluentFolder = (): string =>
  join(dirname(createRequire(import.meta.url).resolve('@lobehub/fluent-emoji-3d/package.json')), 'assets');

/** Fluent emoji of persons (by the first code point), without those of the bundled dataset: for the codec alone. */
export const listFluentPersons = async (): Promise<string[]> => {
  const held = new Set(CHARACTERS.map(([unified]) => `${unified}.webp`));
  const persons = /^1f(46[89]|46e|47[0-8]|48[1-2]|575|64[5-7]|64b|64[de]|926|935|937|9d1|9dd|385|936)(-|\.)/;
  const files = (await readdir(fluentFolder())).filter((name) => persons.test(name) && !held.has(name));
  return files
    .filter((name) => !/2764|1f91d/.test(name))
    .sort()
    .map((name) => join(fluentFolder(), name));
};

/** A vertical gradient between two random colours, RGB bytes. */
export const randomBackdrop = (random: Random): Uint8Array => {
  const [top, bottom] = [0, 1].map(() => [0, 1, 2].map(() => 255 * random.uniform())) as [number[], number[]];
  return Uint8Array.from({ length: PICTURE_SIZE ** 2 * 3 }, (_, i) => {
    const down = Math.floor(i / 3 / PICTURE_SIZE) / (PICTURE_SIZE - 1);
    return Math.round((top[i % 3] as number) * (1 - down) + (bottom[i % 3] as number) * down);
  });
};
