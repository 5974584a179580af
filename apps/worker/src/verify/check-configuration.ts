import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UpstreamId } from '@influencerai/trainers';
import { execa, type Result } from 'execa';
import { z } from 'zod';
import type { Check } from './check.js';

const PACKAGE = fileURLToPath(new URL('../../../../packages/trainers', import.meta.url));
const LIMIT_MS = 300_000;
const LAST_LINES = 5;

interface Script {
  part: Check['part'];
  /** Name of the check when the script says nothing of its cases. */
  name: string;
  /** Program and arguments, below the package. */
  args: (source: string) => string[];
  /** File that the script's output must equal; else it prints a JSON object for each case. */
  expected?: string;
}

const KOHYA = 'scripts/kohya_check.py';
const AI_TOOLKIT = 'src/ai-toolkit/golden';

/** Everything here is read by the trainer's own code: parsers, configuration classes, bucket sorters. */
const SCRIPTS: Record<UpstreamId, readonly Script[]> = {
  kohya: [
    {
      part: 'options',
      name: 'options.generated.json',
      args: (source) => [KOHYA, '--home', source, 'options'],
      expected: 'src/kohya/options.generated.json',
    },
    {
      part: 'configuration',
      name: 'golden files',
      args: (source) => [KOHYA, '--home', source, 'golden', 'src/kohya/golden'],
    },
    {
      part: 'configuration',
      name: 'buckets',
      args: (source) => [KOHYA, '--home', source, 'buckets', 'src/kohya/buckets.cases.json'],
    },
  ],
  'ai-toolkit': [
    {
      part: 'options',
      name: 'options.generated.ts',
      args: (source) => [`${AI_TOOLKIT}/extract_options.py`, source],
      expected: 'src/ai-toolkit/options.generated.ts',
    },
    { part: 'configuration', name: 'golden files', args: (source) => [`${AI_TOOLKIT}/check.py`, source] },
  ],
  // Its parser refuses names that it does not know, so no list is needed.
  trl: [{ part: 'configuration', name: 'golden files', args: () => ['scripts/trl_check.py', 'src/trl/golden'] }],
};

/** Lets an installed trainer read what plans write for it. */
export const checkConfiguration = async (id: UpstreamId, dir: string): Promise<Check[]> => {
  const checks: Check[] = [];
  // One after the other: each imports all of the trainer.
  for (const script of SCRIPTS[id]) checks.push(...(await runScript(script, dir)));
  return checks;
};

const runScript = async (script: Script, dir: string): Promise<Check[]> => {
  const python = join(dir, 'venv', 'bin', 'python');
  const ended = await execa(python, script.args(join(dir, 'source')), {
    cwd: PACKAGE,
    reject: false,
    stdin: 'ignore',
    timeout: LIMIT_MS,
    env: { PYTHONDONTWRITEBYTECODE: '1', PYTHONUTF8: '1', HF_HUB_OFFLINE: '1' },
  });
  return script.expected ? [await compareOutput(script, ended)] : casesOf(script, ended);
};

const compareOutput = async ({ part, name, expected }: Script, ended: Result): Promise<Check> => {
  if (ended.failed) return { part, name, outcome: 'failed', problem: lastLines(ended) };
  const kept = await readFile(join(PACKAGE, expected!), 'utf8');
  return withoutSpace(String(ended.stdout)) === withoutSpace(kept)
    ? { part, name, outcome: 'passed' }
    : { part, name, outcome: 'failed', problem: 'The source lists other names than the file.' };
};

const withoutSpace = (text: string): string => text.replace(/\s+/g, '');

const CaseSchema = z.object({ case: z.string(), problems: z.array(z.string()) });

const casesOf = ({ part, name }: Script, ended: Result): Check[] => {
  const checks = String(ended.stdout)
    .split('\n')
    .flatMap((line) => readCase(line))
    .map(({ case: of, problems }): Check => {
      if (problems.length === 0) return { part, name: of, outcome: 'passed' };
      return { part, name: of, outcome: 'failed', problem: problems.join('; ') };
    });
  const isExplained = !ended.failed || checks.some(({ outcome }) => outcome === 'failed');
  return checks.length > 0 && isExplained
    ? checks
    : [...checks, { part, name, outcome: 'failed', problem: lastLines(ended) }];
};

/** Trainers print on the same stream while they are imported. */
const readCase = (line: string): z.infer<typeof CaseSchema>[] => {
  if (!line.startsWith('{')) return [];
  try {
    return [CaseSchema.parse(JSON.parse(line))];
  } catch {
    // A line of the trainer's own that looks like one of ours.
    return [];
  }
};

const lastLines = ({ stderr, shortMessage }: Result): string =>
  String(stderr).trim().split('\n').slice(-LAST_LINES).join('\n') || (shortMessage ?? 'It said nothing.');
