import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { SetupError } from '@influencerai/local';
import { describeMachine, renderResults } from './report.ts';
import type { Figure } from './row.ts';
import { getJob, patchJob } from './rows/hot-routes.ts';
import { listJobs } from './rows/list-jobs.ts';
import { rowSecurity } from './rows/row-security.ts';
import { submitToStart } from './rows/submit-to-start.ts';
import { trainerWall } from './rows/trainer-wall.ts';
import { uploadMemory } from './rows/upload-memory.ts';
import { System } from './system.ts';

const ROWS = [getJob, patchJob, rowSecurity, submitToStart, listJobs, trainerWall, uploadMemory];
const RESULTS = new URL('./RESULTS.md', import.meta.url);

const HELP = `bin/bench [--quick] [row…]

Measures this version against bare Fastify, pg and BullMQ, side by side in one run. A full run takes a quarter of an
hour where all trainers are installed, and writes bench/RESULTS.md; with --quick or chosen rows it only prints.

${ROWS.map((row) => `  ${row.name.padEnd(16)} ${row.about}`).join('\n')}
`;

const readArguments = () =>
  parseArgs({
    args: process.argv.slice(process.argv[2] === 'bench' ? 3 : 2),
    options: {
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      'help-all': { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });

function orExplain<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new SetupError(`${(error as Error).message}\n\n${HELP}`);
  }
}

const { values, positionals } = orExplain(readArguments);
const unknown = positionals.filter((name) => !ROWS.some((row) => row.name === name));
if (values.help || values['help-all'] || unknown.length > 0) {
  if (unknown.length > 0) throw new SetupError(`There is no row ${unknown.join(', ')}.\n\n${HELP}`);
  process.stdout.write(HELP);
} else {
  await run();
}

async function run(): Promise<void> {
  const rows = positionals.length > 0 ? ROWS.filter((row) => positionals.includes(row.name)) : ROWS;
  const figures: Figure[] = [];
  for (const row of rows) {
    await using system = await System.start();
    figures.push(
      ...(await row.measure(system, { isQuick: values.quick, say: (text) => process.stderr.write(`${text}\n`) })),
    );
  }
  const results = renderResults(figures, describeMachine());
  process.stdout.write(`\n${results}`);
  if (!values.quick && positionals.length === 0) await writeFile(RESULTS, results);
}
