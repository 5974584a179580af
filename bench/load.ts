import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Load } from './load-client.ts';

const run = promisify(execFile);
const CLIENT = fileURLToPath(new URL('./load-client.ts', import.meta.url));

/** Answers per second of a server under load; fails when any answer is not 2xx. */
export async function requestsPerSecond(load: Load): Promise<number> {
  const { stdout } = await run(process.execPath, [CLIENT, JSON.stringify(load)], { maxBuffer: 1 << 24 });
  return Number(stdout);
}
