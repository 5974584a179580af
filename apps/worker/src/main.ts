#!/usr/bin/env node
import { InfluencerAIError } from '@influencerai/sdk';
import { AppError } from '@influencerai/shared';
import { ModelsFileError } from '@influencerai/trainers';
import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { createAgent, StartError } from './create-agent.js';
import { areModelsOk, canWork } from './doctor/examination.js';
import { examine } from './doctor/examine.js';
import { lookAtModels } from './doctor/look-at-models.js';
import { renderExamination, renderModels } from './doctor/render.js';
import { describeEnv, EnvError, readEnv } from './env.js';
import { lockFolder, LockedError } from './lock.js';
import { PreviewError } from './preview/plan-preview.js';
import { previewFile } from './preview/preview-file.js';
import { renderPreview } from './preview/render.js';
import { VERSION } from './version.js';

const USAGE = `Trains the jobs of the InfluencerAI Training API on this host.

  bin/worker                   train jobs until told to stop
  bin/worker doctor [--json]   look at this host: GPUs, disks, trainers, models; fails when nothing can be trained
  bin/worker models [--json]   what MODELS_FILE promises and this host lacks; fails when there is anything
  bin/worker preview FILE [--tenant ID] [--json]
                               what a job would run: of a frozen spec here, of a body for POST /jobs/preview by the API
  bin/worker --help | --version

Settings come from the environment:

${describeEnv()}
`;

const run = async (): Promise<void> => {
  const env = readEnv();
  const log = pino({ name: 'worker', level: env.logLevel });
  await mkdir(env.workerDir, { recursive: true });
  const unlock = await lockFolder(env.workerDir);
  const agent = await createAgent(env, log);
  const drained = onFirstSignal(async () => {
    await agent.drain();
    await unlock();
  });
  await agent.start();
  await drained;
};

/** Runs the action at the first SIGTERM or SIGINT; the second ends the process at once. */
const onFirstSignal = (action: () => Promise<void>): Promise<void> =>
  new Promise((resolve, reject) => {
    let isAsked = false;
    const handle = (signal: NodeJS.Signals): void => {
      if (isAsked) process.exit(signal === 'SIGINT' ? 130 : 143);
      isAsked = true;
      action().then(resolve, reject);
    };
    process.on('SIGTERM', handle);
    process.on('SIGINT', handle);
  });

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
      json: { type: 'boolean' },
      tenant: { type: 'string' },
    },
    allowPositionals: true,
  });
  if (values.help) return void process.stdout.write(USAGE);
  if (values.version) return void process.stdout.write(`${VERSION}\n`);
  const [command, file] = positionals;
  if (command === 'doctor') return doctor(values.json ?? false);
  if (command === 'models') return models(values.json ?? false);
  if (command === 'preview') return preview(file, { tenantId: values.tenant, asJson: values.json ?? false });
  if (command !== undefined) throw new EnvError(`There is no command ${command}. Run with --help.`);
  await run();
};

const doctor = async (asJson: boolean): Promise<void> => {
  const found = await examine(readEnv());
  process.stdout.write(asJson ? `${JSON.stringify(found, null, 2)}\n` : renderExamination(found));
  process.exitCode = canWork(found) ? 0 : 1;
};

const models = async (asJson: boolean): Promise<void> => {
  const found = await lookAtModels(readEnv().modelsFile);
  process.stdout.write(asJson ? `${JSON.stringify(found, null, 2)}\n` : renderModels(found));
  process.exitCode = areModelsOk(found) ? 0 : 1;
};

interface PreviewOptions {
  tenantId: string | undefined;
  asJson: boolean;
}

const preview = async (file: string | undefined, { tenantId, asJson }: PreviewOptions): Promise<void> => {
  if (file === undefined) throw new PreviewError('Name the file of a job: bin/worker preview job.json');
  const found = await previewFile({ file, env: readEnv(), tenantId });
  process.stdout.write(asJson ? `${JSON.stringify(found, null, 2)}\n` : renderPreview(found));
};

try {
  await main();
  process.exit();
} catch (error) {
  const isPlain =
    error instanceof EnvError ||
    error instanceof LockedError ||
    error instanceof StartError ||
    error instanceof ModelsFileError ||
    error instanceof PreviewError ||
    error instanceof AppError ||
    error instanceof InfluencerAIError ||
    isSystemError(error);
  process.stderr.write(
    `${error instanceof Error ? (isPlain ? error.message : (error.stack ?? error.message)) : String(error)}\n`,
  );
  process.exit(1);
}

/** A folder that cannot be written, and the like: the message says it all. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
