#!/usr/bin/env node
import { UPSTREAMS, type UpstreamId } from '@influencerai/trainers';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readEnv } from './env.js';
import { installTrainer, InstallError, readInstalled } from './install/install-trainer.js';

const NAMES = Object.keys(UPSTREAMS) as UpstreamId[];

const USAGE = `bin/trainers <command> [options]

  install <name>   make the pinned environment and fetch the source; does nothing when both are up to date
  list             what is installed
  remove <name>    free the space

Names: ${NAMES.join(', ')}

  --dir DIR        where trainers lie; default TRAINERS_DIR, else .local/trainers
  --source FROM    take the source from a checkout, git directory or mirror
  --python WHICH   Python 3.11: a version or the path of an interpreter [3.11]
  --force          install anew
`;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      dir: { type: 'string' },
      source: { type: 'string' },
      python: { type: 'string', default: '3.11' },
      force: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const [command, name] = positionals;
  if (values.help || !command) return void process.stdout.write(USAGE);
  const trainersDir = values.dir ? resolve(values.dir) : readEnv().trainersDir;
  if (command === 'list') return list(trainersDir);
  const id = NAMES.find((known) => known === name);
  if (!id) throw new InstallError(`Name a trainer: ${NAMES.join(', ')}.`);
  if (command === 'remove') return rm(join(trainersDir, id), { recursive: true, force: true });
  if (command !== 'install') throw new InstallError(`There is no command ${command}. See bin/trainers --help.`);
  const { source, python, force } = values;
  const startedAtMs = Date.now();
  const installed = await installTrainer({ id, trainersDir, python, source, isForced: force, say });
  const version = installed?.version.slice(0, 12);
  const seconds = Math.round((Date.now() - startedAtMs) / 1000);
  say(
    installed
      ? `${id} ${version} with torch ${installed.torch} is installed in ${join(trainersDir, id)} (${seconds} s). Workers on this host offer it from their next start.`
      : `${id} is up to date in ${join(trainersDir, id)}.`,
  );
};

const list = async (trainersDir: string): Promise<void> => {
  for (const id of NAMES) {
    const installed = await readInstalled(join(trainersDir, id));
    const state = installed
      ? `${installed.version.slice(0, 12)}, Python ${installed.python}, torch ${installed.torch}, since ${installed.installedAt}`
      : `not installed (bin/trainers install ${id})`;
    process.stdout.write(`${id.padEnd(12)}${state}\n`);
  }
};

try {
  await main();
} catch (error) {
  const isPlain = error instanceof InstallError || (error instanceof Error && 'code' in error);
  say(error instanceof Error ? (isPlain ? error.message : (error.stack ?? error.message)) : String(error));
  process.exitCode = 1;
}
