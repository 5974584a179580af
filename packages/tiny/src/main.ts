#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

const USAGE = `Trains small LoRA weights on the CPU.

  node main.js --config <config.json>     train; events on stdout, commands on stdin, as JSON lines
  node main.js generate --base image|text --prompt <text> [--lora <file>] [--seed <n>] [--out <file>]
  node main.js serve-once                 generate what standard input asks for, for programs
  node main.js --help | --version
`;

/** @returns the exit code: 0 trained or stopped as told, 1 failed, 2 wrong usage */
const main = async (): Promise<number> => {
  const [command, ...rest] = process.argv.slice(2);
  // Loaded on demand, so that --help and --version answer at once.
  if (command === 'generate') return (await import('./generate.js')).runGenerate(rest);
  if (command === 'serve-once') return (await import('./serve-once.js')).runServeOnce(process.stdin);
  const { values } = parseArgs({
    options: {
      config: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
    },
  });
  if (values.help) return print(USAGE);
  if (values.version) return print(`${await packageVersion()}\n`);
  if (values.config) return (await import('./run-training.js')).runTraining(values.config);
  process.stderr.write(USAGE);
  return 2;
};

const print = (text: string): number => {
  process.stdout.write(text);
  return 0;
};

const packageVersion = async (): Promise<string> => {
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
};

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
