/**
 * Writes every generated file that is checked in. Builds first, in the order in which one thing is made from another:
 * the shared schemas, what packages generate from them, the apps, and the files made from those.
 */
import { spawnSync } from 'node:child_process';
import { inRepo } from './built.ts';

const GENERATORS = [
  'generate-errors.ts',
  'generate-env.ts',
  'generate-openapi.ts',
  'generate-contracts.ts',
  'generate-trainers.ts',
];

function run(command: string, args: string[]): void {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1' };
  const { status, error } = spawnSync(command, args, {
    cwd: inRepo('.'),
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

const turbo = (...args: string[]): void =>
  run(inRepo('node_modules/.bin/turbo'), ['run', ...args, '--output-logs=errors-only']);

turbo('build', '--filter=@influencerai/shared');
turbo('generate');
turbo('build', '--filter=@influencerai/api', '--filter=@influencerai/worker');
for (const generator of GENERATORS) run(process.execPath, [inRepo(`scripts/${generator}`)]);
