import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UpstreamId } from '@influencerai/trainers';
import { execa } from 'execa';
import type { Check } from './check.js';
import { readTestResults } from './test-results.js';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

/**
 * Runs the tests that train with a real trainer: alone, under the worker, and through API and queue. What they print goes
 * to standard error.
 */
export const runSpecs = async (id: UpstreamId, trainersDir: string): Promise<Check[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'verify-'));
  const results = join(folder, 'results.json');
  const title = `the real ${id}`;
  try {
    await execa(
      join(ROOT, 'bin/test'),
      [`apps/worker/test/${id}.int-spec.ts`, 'e2e/real-trainers', '-t', title, '--json', '--outputFile', results],
      {
        cwd: ROOT,
        reject: false,
        stdin: 'ignore',
        stdout: process.stderr,
        stderr: 'inherit',
        env: { TRAINERS_DIR: trainersDir },
      },
    );
    return readTestResults(await readFile(results, 'utf8'), title);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
