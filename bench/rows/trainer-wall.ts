import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, cp, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { waitUntil } from '@influencerai/local';
import type { InfluencerAIClient } from '@influencerai/sdk';
import { clientOf } from '../jobs.ts';
import type { Figure, Options, Row } from '../row.ts';
import { interleave, median } from '../statistics.ts';
import type { System } from '../system.ts';
import { subjects, type Subject } from './trainer-subjects.ts';

const TARGET = 1.02;
/** How soon the start of a trainer is seen. */
const POLL_MS = 2;
/** How often both sides look whether theirs still runs: often enough for these times, and next to no work. */
const LOOK_MS = 20;
/** What a worker adds to a workspace for itself. */
const NOT_OF_THE_PLAN = new Set(['spool', 'trainer.json', 'job.json', 'output', 'tmp', 'upload']);

export const trainerWall: Row = {
  name: 'trainer-wall',
  about: 'a trainer under the worker, from its start to its exit, against the same command run bare',
  measure: async (system, options) => {
    const database = await system.database('trainer_wall');
    const { found, models, left } = await subjects(system.folder);
    for (const reason of left) options.say(reason);
    const apiUrl = await system.api(database, { MODELS_FILE: models });
    const workerDir = system.worker(apiUrl, {
      QUEUE_DATABASE_URL: database,
      KEEP_WORKSPACES: '1000',
      MODELS_FILE: models,
      ...(process.env['TRAINERS_DIR'] && { TRAINERS_DIR: process.env['TRAINERS_DIR'] }),
    });
    const client = clientOf(apiUrl);
    await waitUntil(async () => (await client.workers.list()).data.length > 0, {
      timeoutMs: 60_000,
      what: 'the worker',
    });
    const figures: Figure[] = [];
    for (const subject of found) figures.push(await measure({ client, workerDir, system, options, subject }));
    return figures;
  },
};

interface Input {
  client: InfluencerAIClient;
  workerDir: string;
  system: System;
  options: Options;
  subject: Subject;
}

async function measure({ client, workerDir, system, options, subject }: Input): Promise<Figure> {
  const submit = await submitter(client, subject);
  const rounds = options.isQuick ? 1 : 5;
  const underWorker = async () => timeUnderWorker(client, await submit(), workerDir, path.join(system.folder, 'plans'));
  options.say(`${subject.name}: the first run of each, which fills the caches of the disk`);
  const { command } = await underWorker();
  let runs = 0;
  const bareRun = async () =>
    timeBare(await inNewFolder(command, path.join(system.folder, 'bare', `${subject.config.modelName}-${runs++}`)));
  await bareRun();
  options.say(`${subject.name}: ${rounds} runs of each`);
  const figures = await interleave(rounds, async () => (await underWorker()).seconds, bareRun);
  const [ours, bare] = [median(figures.a), median(figures.b)];
  const ratio = ours / bare;
  return {
    what: `wall time of ${subject.name} under the worker`,
    ours: `${ours.toFixed(2)} s`,
    baseline: `${bare.toFixed(2)} s`,
    figure: `${ratio.toFixed(3)} ×`,
    target: `≤ ${TARGET} ×`,
    isReached: ratio <= TARGET,
  };
}

async function submitter(client: InfluencerAIClient, subject: Subject): Promise<() => Promise<string>> {
  const dataset = await client.datasets.create(subject.dataset);
  const config = await client.loraConfigs.create(subject.config);
  const payload = { datasetId: dataset.id, loraConfigId: config.id };
  return async () => (await client.jobs.create({ type: 'lora-training', payload })).id;
}

/** What the worker ran, ready to be run again in a folder of its own. */
interface Command {
  file: string;
  args: string[];
  cwd: string;
  env: Record<string, string>;
}

async function timeUnderWorker(
  client: InfluencerAIClient,
  jobId: string,
  workerDir: string,
  plans: string,
): Promise<{ seconds: number; command: Command }> {
  const workspace = path.join(workerDir, 'jobs', jobId, 'attempt-1');
  const pid = await waitUntil(() => recordedPid(workspace), {
    timeoutMs: 60_000,
    what: 'the trainer',
    intervalMs: POLL_MS,
  });
  const started = performance.now();
  const command = await commandOf(pid, workspace, path.join(plans, jobId));
  await untilGone(pid);
  const seconds = (performance.now() - started) / 1000;
  const job = await waitUntil(() => endedJob(client, jobId), { timeoutMs: 60_000, what: 'the job to end' });
  if (job.status !== 'completed') throw new Error(`The job ended ${job.status}: ${JSON.stringify(job.result)}`);
  return { seconds, command };
}

/** Undefined while the worker has not written, or not finished writing, the record of its trainer. */
async function recordedPid(workspace: string): Promise<number | undefined> {
  const record = await readFile(path.join(workspace, 'trainer.json'), 'utf8').catch(() => '');
  const pid = /"pid":\s*(\d+)[,}]/.exec(record)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/** Reads how a process was started, and copies what its plan wrote before it goes on to fill the folder. */
async function commandOf(pid: number, workspace: string, cwd: string): Promise<Command> {
  const words = async (file: string) => (await readFile(`/proc/${pid}/${file}`, 'utf8')).split('\0').slice(0, -1);
  const moved = (text: string) => text.replaceAll(workspace, cwd);
  const [args, variables, file] = [await words('cmdline'), await words('environ'), await readlink(`/proc/${pid}/exe`)];
  await copyPlan(workspace, cwd, moved);
  const env = Object.fromEntries(
    variables.map((line) => [line.split('=')[0], moved(line.slice(line.indexOf('=') + 1))]),
  );
  // The interpreter of a virtual environment is known by the name it was called by.
  const program = path.isAbsolute(args[0] ?? '') ? args[0]! : file;
  return { file: program, args: args.slice(1).map(moved), cwd, env };
}

async function copyPlan(workspace: string, cwd: string, moved: (text: string) => string): Promise<void> {
  for (const folder of ['output', 'tmp']) await mkdir(path.join(cwd, folder), { recursive: true });
  for (const entry of await readdir(workspace, { withFileTypes: true })) {
    if (NOT_OF_THE_PLAN.has(entry.name)) continue;
    const [from, to] = [path.join(workspace, entry.name), path.join(cwd, entry.name)];
    if (entry.isFile()) await writeFile(to, moved(await readFile(from, 'utf8')));
    else await cp(from, to, { recursive: true, verbatimSymlinks: true });
  }
}

async function isRunning(pid: number): Promise<boolean> {
  return access(`/proc/${pid}`).then(
    () => true,
    () => false,
  );
}

const untilGone = (pid: number): Promise<unknown> =>
  waitUntil(async () => !(await isRunning(pid)), { timeoutMs: 600_000, what: 'the end', intervalMs: LOOK_MS });

/** A command with its plan as it was written, in a folder that nothing ran in. */
async function inNewFolder({ cwd, ...command }: Command, folder: string): Promise<Command> {
  const moved = (text: string) => text.replaceAll(cwd, folder);
  await copyPlan(cwd, folder, moved);
  const env = Object.fromEntries(Object.entries(command.env).map(([name, value]) => [name, moved(value)]));
  return { file: command.file, args: command.args.map(moved), cwd: folder, env };
}

/** The same process without a worker: its output goes nowhere, its input stays open. */
async function timeBare({ file, args, cwd, env }: Command): Promise<number> {
  const started = performance.now();
  const child = spawn(file, args, { cwd, env, stdio: ['pipe', 'ignore', 'ignore'] });
  const exit = once(child, 'exit');
  await untilGone(child.pid!);
  const seconds = (performance.now() - started) / 1000;
  const [code] = (await exit) as [number | null];
  if (code !== 0) throw new Error(`${file} ended with ${code} when run bare in ${cwd}.`);
  return seconds;
}

async function endedJob(client: InfluencerAIClient, jobId: string) {
  const job = await client.jobs.get(jobId);
  return ['completed', 'failed', 'cancelled'].includes(job.status) ? job : undefined;
}
