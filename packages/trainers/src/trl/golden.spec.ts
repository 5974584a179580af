import { describe, expect, it } from '@jest/globals';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TRL_CASES } from '../../test/trl-cases.js';
import { DRIVER_FILE, planTrl } from './plan.js';

const fileOf = (name: string): string => fileURLToPath(new URL(`golden/${name}.json`, import.meta.url));

/** What the driver is told. */
const configOf = (name: string): string => {
  const { spec, context } = TRL_CASES[name]!;
  return planTrl(spec, context).files.find(({ path }) => path === DRIVER_FILE)!.content;
};

const isUpdate = process.env['UPDATE_GOLDEN'] !== undefined;

// UPDATE_GOLDEN=1 writes the files anew; `scripts/trl_check.py` shows that TRL's own parser takes them.
describe('the configuration of a job', () => {
  it.each(Object.keys(TRL_CASES))('should be the golden one for %s', (name) => {
    const content = configOf(name);
    if (isUpdate) {
      mkdirSync(fileURLToPath(new URL('golden', import.meta.url)), { recursive: true });
      writeFileSync(fileOf(name), content);
    }
    expect(content).toBe(readFileSync(fileOf(name), 'utf8'));
  });
});
