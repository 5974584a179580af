import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { examplesOf } from '../../scripts/extract-examples.ts';
import type { Stack } from './stack.js';

const run = promisify(execFile);
const EXAMPLES = examplesOf('docs/dialects.md');

/**
 * Runs an example of docs/dialects.md as it stands there, but for the address and what `changes` names.
 * @returns what it printed
 */
export async function runExample(stack: Stack, name: string, changes: Record<string, string> = {}): Promise<string> {
  const code = EXAMPLES.get(name)?.code;
  if (code === undefined) throw new Error(`No example is named ${name}.`);
  const all = { 'http://localhost:3001': stack.apiUrl, ...changes };
  const command = Object.entries(all).reduce((text, [from, to]) => text.replaceAll(from, to), code);
  return (await run('bash', ['-c', command], { cwd: stack.folder })).stdout;
}
