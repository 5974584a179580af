#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { TrainerEvent } from '@influencerai/shared';
import { buildIndex } from './build-index.js';
import { type IndexConfig, IndexConfigSchema } from './config.js';
import { EmbeddingError } from './embeddings.js';
import { readEndpoint } from './env.js';

const USAGE = `Builds an index for full-text and vector search.

  node main.js --config <config.json>     events on stdout as JSON lines; ends when stdin closes, or on SIGTERM
  node main.js --help
`;

/** @returns the exit code: 0 built or stopped as told, 1 failed, 2 wrong usage */
const main = async (): Promise<number> => {
  const { values } = parseArgs({ options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } } });
  if (values.help) return print(USAGE);
  if (values.config === undefined) return print(USAGE, 2);
  const config = IndexConfigSchema.parse(JSON.parse(await readFile(values.config, 'utf8')));
  return build(config, stopSignal());
};

const build = async (config: IndexConfig, signal: AbortSignal): Promise<number> => {
  let step = 0;
  const emit = (event: TrainerEvent): void => {
    if (event.event === 'progress') step = event.step;
    process.stdout.write(`${JSON.stringify(event)}\n`);
  };
  try {
    await buildIndex({ config, endpoint: readEndpoint(), signal, emit });
    return 0;
  } catch (error) {
    if (signal.aborted) return (emit({ event: 'aborted', step }), 0);
    const code = error instanceof EmbeddingError ? 'embeddings_unavailable' : 'trainer_crashed';
    emit({ event: 'error', code, message: error instanceof Error ? error.message : String(error) });
    return 1;
  } finally {
    process.stdin.destroy();
  }
};

/** When nobody waits for the index any more. */
const stopSignal = (): AbortSignal => {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.once('SIGTERM', stop).once('SIGINT', stop);
  process.stdout.once('error', stop);
  process.stdin.once('close', stop).resume();
  return stopping.signal;
};

const print = (text: string, code = 0): number => {
  process.stdout.write(text);
  return code;
};

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
