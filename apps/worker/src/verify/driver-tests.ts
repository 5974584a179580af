import { DRIVERS_DIR, type UpstreamId } from '@influencerai/trainers';
import { execa } from 'execa';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ENVIRONMENTS } from '../install/install-trainer.js';
import { runTool } from '../install/run-tool.js';
import { findUv } from '../install/uv.js';
import type { Check } from './check.js';

const LOCK = join(ENVIRONMENTS, 'checks.txt');

export interface DriverTestsInput {
  id: UpstreamId;
  trainersDir: string;
  say: (text: string) => void;
}

/**
 * Runs the tests of the driver around the real trainer: budgets, saving, stopping, four signals in every phase. What
 * they print goes to standard error.
 */
export const runDriverTests = async ({ id, trainersDir, say }: DriverTestsInput): Promise<Check[]> => {
  const python = await openPytest({ id, trainersDir, say });
  const folder = await mkdtemp(join(tmpdir(), 'verify-'));
  const results = join(folder, 'results.jsonl');
  try {
    const file = `tests/test_${id.replace('-', '_')}_real.py`;
    const ended = await execa(python, ['-m', 'pytest', file, '--results', results], {
      cwd: DRIVERS_DIR,
      reject: false,
      stdin: 'ignore',
      stdout: process.stderr,
      stderr: 'inherit',
      env: { TRAINERS_DIR: trainersDir, PYTHONDONTWRITEBYTECODE: '1' },
    });
    const lines = await readFile(results, 'utf8').catch(() => '');
    return readDriverResults(lines, { file, hasFailed: ended.failed });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** pytest, as it was locked, on the trainer's Python; the environment of the trainer stays as it is. */
const openPytest = async ({ id, trainersDir, say }: DriverTestsInput): Promise<string> => {
  const venv = join(trainersDir, '.checks');
  const python = join(venv, 'bin', 'python');
  const stamp = join(venv, 'checks.txt');
  const [wanted, present] = await Promise.all([readFile(LOCK, 'utf8'), readFile(stamp, 'utf8').catch(() => '')]);
  if (wanted === present) return python;
  const uv = await findUv(trainersDir, say);
  const base = join(trainersDir, id, 'venv', 'bin', 'python');
  await runTool('Making an environment for pytest', uv, ['venv', '--quiet', '--clear', '--python', base, venv]);
  const args = ['pip', 'install', '--quiet', '--python', python, '--require-hashes', '-r', LOCK];
  await runTool('Installing pytest', uv, args);
  await copyFile(LOCK, stamp);
  return python;
};

const ResultSchema = z.object({
  name: z.string(),
  outcome: z.enum(['passed', 'failed', 'skipped']),
  seconds: z.number(),
  stopSeconds: z.number().nullable(),
  problem: z.string().nullable(),
});

interface Ended {
  file: string;
  /** Whether pytest said so: a file that it cannot read ends without a result. */
  hasFailed: boolean;
}

/** What `pytest --results` of the drivers wrote, a JSON object a line. */
export const readDriverResults = (lines: string, { file, hasFailed }: Ended): Check[] => {
  const checks = lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => toCheck(ResultSchema.parse(JSON.parse(line))));
  const isExplained = !hasFailed || checks.some(({ outcome }) => outcome === 'failed');
  if (checks.length > 0 && isExplained) return checks;
  return [...checks, { part: 'run', name: file, outcome: 'failed', problem: 'It did not run to its end.' }];
};

const toCheck = ({ name, problem, stopSeconds, ...result }: z.infer<typeof ResultSchema>): Check => ({
  part: 'run',
  name: `driver: ${name.replace(/^test_/, '').replaceAll('_', ' ')}`,
  ...result,
  ...(stopSeconds !== null && { stopSeconds }),
  ...(problem !== null && { problem: problem.split('\n')[0] }),
});
