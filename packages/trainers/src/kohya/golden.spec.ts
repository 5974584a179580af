import { describe, expect, it } from '@jest/globals';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KOHYA_CASES } from '../../test/kohya-cases.js';
import { planKohya } from './plan.js';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const known = JSON.parse(read('options.generated.json')) as Record<string, string[]>;

const filesOf = (name: string): [path: string, content: string][] => {
  const { spec, context } = KOHYA_CASES[name]!;
  return planKohya(spec, context)
    .files.filter(({ path }) => !path.startsWith('dataset/'))
    .map(({ path, content }) => [path, content]);
};

const keysOf = (toml: string): string[] => [...toml.matchAll(/^([a-z0-9_]+) = /gm)].map(([, key]) => key!);

const isUpdate = process.env['UPDATE_GOLDEN'] !== undefined;

const write = (path: string, content: string): void => {
  const file = fileURLToPath(new URL(path, import.meta.url));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
};

// UPDATE_GOLDEN=1 writes the files anew; `scripts/kohya_check.py` shows that kohya's own parsers take them.
describe('the files of a job', () => {
  it.each(Object.keys(KOHYA_CASES))('should be the golden ones for %s', (name) => {
    for (const [path, content] of filesOf(name)) {
      if (isUpdate) write(`golden/${name}/${path}`, content);
      expect(content).toBe(read(`golden/${name}/${path}`));
    }
  });

  it.each(Object.keys(KOHYA_CASES))('should name options only that the script of %s has', (name) => {
    const files = new Map(filesOf(name));
    const { script } = JSON.parse(files.get('driver.json')!) as { script: string };
    expect(known[script]).toEqual(expect.arrayContaining(keysOf(files.get('job.toml')!)));
  });

  it('should hold one option a line', () => {
    for (const name of Object.keys(KOHYA_CASES)) {
      const toml = new Map(filesOf(name)).get('job.toml')!;
      expect(keysOf(toml)).toHaveLength(toml.trimEnd().split('\n').length);
    }
  });
});
