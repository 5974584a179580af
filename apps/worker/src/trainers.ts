#!/usr/bin/env node
import { UPSTREAMS, type UpstreamId } from '@influencerai/trainers';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readEnv } from './env.js';
import { InstallError } from './install/install-error.js';
import type { Installed } from './install/install-plan.js';
import { installTrainer, readInstalled, removeTrainer } from './install/install-trainer.js';
import { renderVerification } from './verify/render.js';
import { verifyTrainer } from './verify/verify-trainer.js';

const NAMES = Object.keys(UPSTREAMS) as UpstreamId[];

const USAGE = `bin/trainers <command> [options]

  install <name>   make the pinned environment and fetch the source; does nothing when both are up to date
  list [name]      what is installed; fails when the named one is not
  verify <name>    let it read every configuration that plans write, and train tiny models with it: to the end, killed
                   and resumed, told to stop; fails unless all checks pass
  remove <name>    free the space

Names: ${NAMES.join(', ')}

  --dir DIR        where trainers lie; default TRAINERS_DIR, else .local/trainers
  --source FROM    take the source from a checkout, git directory or mirror
  --python WHICH   Python 3.11: a version or the path of an interpreter [3.11]
  --force          install anew
  --json           verify: the checks as JSON
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
      json: { type: 'boolean', default: false },
      // Where bin/trainers was called: it changes to the top folder.
      'called-from': { type: 'string', default: '.' },
    },
    allowPositionals: true,
  });
  const [command, name] = positionals;
  if (values.help || !command) return void process.stdout.write(USAGE);
  const fromCaller = (path: string): string => resolve(values['called-from'], path);
  const trainersDir = values.dir ? fromCaller(values.dir) : readEnv().trainersDir;
  if (command === 'list' && !name) return list(trainersDir);
  const id = NAMES.find((known) => known === name);
  if (!id) throw new InstallError(`Name a trainer: ${NAMES.join(', ')}.`);
  if (command === 'list') return listOne(trainersDir, id);
  if (command === 'remove') return remove(trainersDir, id);
  if (command === 'verify') return verify(trainersDir, id, values.json);
  if (command !== 'install') throw new InstallError(`There is no command ${command}. See bin/trainers --help.`);
  const { python, force } = values;
  // A URL, or what git reads like one (host:path), stays as it is.
  const source = values.source && !values.source.includes(':') ? fromCaller(values.source) : values.source;
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
    const state = installed ? describe(installed) : `not installed (bin/trainers install ${id})`;
    process.stdout.write(`${id.padEnd(12)}${state}\n`);
  }
};

const listOne = async (trainersDir: string, id: UpstreamId): Promise<void> => {
  process.stdout.write(`${id.padEnd(12)}${describe(await getInstalled(trainersDir, id))}\n`);
};

const getInstalled = async (trainersDir: string, id: UpstreamId): Promise<Installed> => {
  const installed = await readInstalled(join(trainersDir, id));
  if (!installed) throw new InstallError(`${id} is not installed in ${trainersDir}: bin/trainers install ${id}`);
  return installed;
};

const verify = async (trainersDir: string, id: UpstreamId, isJson: boolean): Promise<void> => {
  const found = await verifyTrainer({ id, trainersDir, installed: await getInstalled(trainersDir, id), say });
  process.stdout.write(isJson ? `${JSON.stringify(found, null, 2)}\n` : renderVerification(found));
  if (!found.isVerified) process.exitCode = 1;
};

const describe = ({ version, python, torch, installedAt, missing }: Installed): string =>
  [
    `${version.slice(0, 12)}, Python ${python}, torch ${torch}, since ${installedAt}`,
    ...(missing.length > 0 ? [`without ${missing.join(', ')}`] : []),
  ].join(', ');

const remove = async (trainersDir: string, id: UpstreamId): Promise<void> => {
  const isGone = await removeTrainer(join(trainersDir, id));
  say(isGone ? `${id} is removed from ${trainersDir}.` : `${id} is not in ${trainersDir}.`);
};

try {
  await main();
} catch (error) {
  const isPlain = error instanceof InstallError || (error instanceof Error && 'code' in error);
  say(error instanceof Error ? (isPlain ? error.message : (error.stack ?? error.message)) : String(error));
  process.exitCode = 1;
}
