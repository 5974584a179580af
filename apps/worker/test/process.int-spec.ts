import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { explainExit, findTrainer } from '@influencerai/trainers';
import { mkdir, mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { LaunchRequest, RunningTrainer } from '../src/runner/launcher.js';
import { memoryKills, type KillCount } from '../src/runner/memory-kills.js';
import { processLauncher } from '../src/runner/process-launcher.js';
import type { Line } from '../src/runner/line-splitter.js';
import { TrainerOutput } from '../src/runner/trainer-output.js';
import { until } from './until.js';

let workspaceDir: string;
let launched: RunningTrainer[];

beforeEach(async () => {
  launched = [];
  workspaceDir = await mkdtemp(join(tmpdir(), 'worker-process-'));
});

afterEach(async () => {
  await Promise.all(launched.map((running) => running.stop(0)));
  await rm(workspaceDir, { recursive: true, force: true });
});

const aRequest = (overrides: Partial<LaunchRequest>): LaunchRequest => ({
  file: '',
  args: [],
  env: {},
  workspaceDir: '',
  reads: [],
  job: { jobId: '00000000-0000-4000-8000-000000000001', attempt: 1, trainer: 'tiny' },
  gpus: [],
  ...overrides,
});

const launch = async (
  script: string,
  countKills?: KillCount,
): Promise<{ running: RunningTrainer; lines: string[] }> => {
  const lines: string[] = [];
  const handlers = {
    redact: (text: string) => text,
    onEvent: () => undefined,
    onLine: (_: unknown, line: Line) => void lines.push(line.text),
  };
  const output = new TrainerOutput(
    findTrainer('tiny')!.createParser({ startStep: 0, totalSteps: 1, totalEpochs: 1 }),
    handlers,
  );
  const request = aRequest({ file: process.execPath, args: ['-e', script], workspaceDir });
  const running = await processLauncher(countKills).launch(request, output);
  launched.push(running);
  return { running, lines };
};

describe('processLauncher', () => {
  it('should lose nothing of a trainer that ended before anybody waited for it', async () => {
    const { running, lines } = await launch('console.log("a".repeat(100)); console.error("b")');
    await until('the trainer to be forgotten', async () => (await readdir(workspaceDir)).length === 0);
    expect(await running.exited).toEqual({ exitCode: 0, signal: null });
    expect(lines.sort()).toEqual(['a'.repeat(100), 'b']);
  });

  it('should deliver the last lines of a trainer that ends at once', async () => {
    const { running, lines } = await launch(
      'for (let i = 0; i < 5000; i++) process.stdout.write(i + "\\n"); process.exitCode = 7',
    );
    expect(await running.exited).toEqual({ exitCode: 7, signal: null });
    expect(lines).toHaveLength(5000);
  });

  it.each([
    ['the trainer', `process.kill(process.pid, 'SIGKILL')`, { exitCode: null, signal: 'SIGKILL' }],
    ['a process of the trainer', 'process.exitCode = 1', { exitCode: 1, signal: null }],
  ])('should say so when the kernel ended %s for want of memory', async (_, end, exit) => {
    const root = join(workspaceDir, 'host');
    const group = join(root, 'sys/fs/cgroup/worker');
    const [counts, groups] = [join(group, 'memory.events'), join(root, 'proc/self/cgroup')];
    for (const folder of [group, dirname(groups)]) await mkdir(folder, { recursive: true });
    await writeFile(groups, '0::/worker\n');
    await writeFile(counts, 'oom_kill 4\n');
    const count = `require('fs').writeFileSync(${JSON.stringify(counts)}, 'oom_kill 5\\n');`;
    const { running, lines } = await launch(`${count} ${end}`, memoryKills(root));
    expect(await running.exited).toEqual(exit);
    expect(explainExit({ ...exit, tail: lines, events: [] })).toMatchObject({ code: 'trainer_out_of_memory' });
  });

  it('should forget a trainer that ended', async () => {
    const { running } = await launch('');
    await running.exited;
    expect(await readdir(workspaceDir)).toEqual([]);
  });

  it('should send commands, and take that nobody reads them', async () => {
    const { running, lines } = await launch(
      'process.stdin.once("data", (text) => { process.stdout.write(text); process.stdin.destroy() })',
    );
    running.send({ command: 'save' });
    await running.exited;
    running.send({ command: 'abort' });
    expect(lines).toEqual(['{"command":"save"}']);
  });

  it('should end a trainer that cannot be recorded', async () => {
    await mkdir(join(workspaceDir, 'trainer.json'));
    await expect(launch('setInterval(() => undefined, 1000)')).rejects.toThrow(/EISDIR/);
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
    expect(folders).not.toContain(workspaceDir);
  });

  it('should say that a program is not there', async () => {
    const missing = processLauncher().launch(aRequest({ file: '/nowhere/trainer', workspaceDir }), {
      write: () => undefined,
      end: () => undefined,
    });
    await expect(missing).rejects.toThrow(/nowhere/);
  });
});
