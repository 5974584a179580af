import { execa } from 'execa';
import { InstallError } from './install-error.js';
import { adviceFor } from './install-plan.js';

/**
 * Runs a program of the host to its end and returns what it printed.
 * @param what the step, for the message
 * @throws InstallError with advice and the last lines of the output
 */
export const runTool = async (
  what: string,
  file: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> => {
  const ended = await execa(file, args, { reject: false, all: true, stdin: 'ignore', env });
  if (!ended.failed) return ended.stdout;
  if (ended.code === 'ENOENT') throw new InstallError(`${what} needs ${file}, which is not there: install it.`);
  const output = ended.all ?? '';
  throw new InstallError(
    `${what} failed. ${adviceFor(output) ?? ''}\n${output.split('\n').slice(-15).join('\n')}`.trim(),
  );
};
