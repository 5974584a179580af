import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { AppError } from '@influencerai/shared';
import { SEARCH_PROGRAM, type SearchRequest } from '@influencerai/retrieval';

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const MAX_REASON = 300;

/**
 * Runs the search program once: a process that SQLite can bring down, without the environment of the API, which holds its
 * secrets, and allowed to read its own code and the one index, to write nothing and to start nothing.
 * @returns what it printed
 * @throws AppError `runtime_unavailable`
 */
export function runSearch(request: SearchRequest | Pick<SearchRequest, 'file'>, signal: AbortSignal): Promise<string> {
  const args = [
    '--permission',
    `--allow-fs-read=${dirname(dirname(SEARCH_PROGRAM))}`,
    `--allow-fs-read=${request.file}`,
    '--disable-warning=ExperimentalWarning',
    '--max-old-space-size=256',
    SEARCH_PROGRAM,
  ];
  const options = { env: {}, signal, timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: MAX_ANSWER_BYTES } as const;
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, args, options, (error, stdout, stderr) =>
      error ? reject(unavailable(reasonOf(error, stderr), error)) : resolve(stdout),
    );
    // It may end without having read everything; what it says then is more than the broken pipe.
    child.stdin?.on('error', () => undefined).end(JSON.stringify(request));
  });
}

export const unavailable = (reason: string, cause?: unknown): AppError =>
  new AppError('runtime_unavailable', { runtime: 'retrieval', reason }, { cause });

function reasonOf(error: { killed?: boolean | undefined }, stderr: string): string {
  if (error.killed) return 'It took too long, or found too much.';
  return stderr.trim().slice(0, MAX_REASON) || 'The index cannot be read.';
}
