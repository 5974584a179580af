import path from 'node:path';
import pc from 'picocolors';
import { aborted, onInterrupt } from './interrupts.js';
import { formatLogLine, isChatter } from './log-line.js';
import { REPO_ROOT } from './repo-root.js';
import { SetupError } from './setup-error.js';
import { startStack, type Stack } from './stack.js';

const DEFAULT_PORT = 3001;

const readPort = (text: string | undefined): number => {
  const port = Number(text || DEFAULT_PORT);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new SetupError(`PORT=${text} is not a port: give a number from 1 to 65535.`);
};

/** `bin/dev`: the whole system until Ctrl-C; data is kept. */
export const runDev = async (env: NodeJS.ProcessEnv): Promise<void> => {
  const running: { stack?: Stack } = {};
  const signal = onInterrupt(() => running.stack?.kill());
  const dataRoot = env.DATA_ROOT ? path.resolve(env.DATA_ROOT) : path.join(REPO_ROOT, 'data');
  const stack = await startStack({
    folder: path.join(REPO_ROOT, '.local/dev'),
    port: readPort(env.PORT),
    dataRoot,
    env: { ...env, TRAINER_FALLBACK: env.TRAINER_FALLBACK ?? 'tiny' },
    onLine: (service, line) => {
      if (!isChatter(line))
        process.stdout.write(`${formatLogLine(service, line)}
`);
    },
    signal,
    hasWorkerPool: true,
  });
  running.stack = stack;
  const lines = [
    '',
    pc.bold('InfluencerAI Training is up.'),
    `  Swagger UI  ${stack.apiUrl}/api${stack.operatorKey ? '' : '  (tenant header: tenant_demo)'}`,
    ...(stack.operatorKey ? [`  operator    API_URL=${stack.apiUrl} API_KEY=${stack.operatorKey} bin/admin`] : []),
    `  data        ${dataRoot}`,
    `  database    ${env.DATABASE_URL ? 'DATABASE_URL' : path.join(REPO_ROOT, '.local/dev/postgres')}`,
    `  queue       ${env.REDIS_URL ? 'Redis' : 'PostgreSQL'}`,
    '  Ctrl-C stops everything; a running job is saved and goes on at the next start.',
    '',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  const broken = await Promise.race([stack.broken, aborted(signal)]);
  if (!broken) process.stdout.write('\nStopping: the worker saves what it is at …\n');
  await stack.stop();
  if (broken) throw new SetupError(broken);
};
