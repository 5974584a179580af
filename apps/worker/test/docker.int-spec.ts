import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeSafetensors } from '@influencerai/tiny';
import { findTrainer } from '@influencerai/trainers';
import { execa } from 'execa';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from '../src/index.js';
import { lookAtTrainers } from '../src/doctor/look-at-trainers.js';
import { containerEngine } from '../src/runner/container-engine.js';
import { dockerLauncher } from '../src/runner/docker-launcher.js';
import type { Launcher, LaunchRequest, RunningTrainer } from '../src/runner/launcher.js';
import type { Line } from '../src/runner/line-splitter.js';
import { TrainerOutput } from '../src/runner/trainer-output.js';
import { aSpec, Host } from './host.js';
import { FAKE_IMAGE, Podman, TINY_IMAGE, TRL_IMAGE, whyNoContainers } from './podman.js';
import { until } from './until.js';

const JOB_ID = '00000000-0000-4000-8000-000000000001';
const PICTURE = new URL('../../../data/datasets/my-influencer/01-portrait.png', import.meta.url);
const NAME = `training-${JOB_ID}`;

const problem = await whyNoContainers();
const describeContainers = problem ? describe.skip : describe;
const because = problem ? `, left out here: ${problem}` : '';

let podman: Podman;
const variables = (): Record<string, string> => ({
  LAUNCHER: 'docker',
  DOCKER_HOST: podman.host,
  DOCKER_IMAGES: `tiny=${FAKE_IMAGE}`,
});

describeContainers(`containers${because}`, () => {
  beforeAll(async () => {
    podman = await Podman.start();
  }, 300_000);

  afterAll(() => podman.stop());

  describe('dockerLauncher', () => {
    let workspaceDir: string;
    let readDir: string;
    let launched: RunningTrainer[];

    beforeEach(async () => {
      launched = [];
      workspaceDir = await mkdtemp(join(tmpdir(), 'worker-container-'));
      readDir = join(await mkdtemp(join(tmpdir(), 'worker-reads-')), 'with a, comma');
      await mkdir(readDir);
      await writeFile(join(readDir, 'model'), 'weights');
      await chmod(join(readDir, '..'), 0o755);
    });

    afterEach(async () => {
      await Promise.all(launched.map((running) => running.stop(0)));
      await rm(workspaceDir, { recursive: true });
      await rm(join(readDir, '..'), { recursive: true });
    });

    const launcherWith = (overrides: Record<string, string> = {}): Launcher => {
      const settings = parseEnv({ ...variables(), ...overrides }).container!;
      return dockerLauncher({ engine: containerEngine(settings), settings, workerId: 'worker-1' });
    };

    const launch = async (
      script: string,
      { launcher = launcherWith(), ...overrides }: Partial<LaunchRequest> & { launcher?: Launcher } = {},
    ): Promise<{ running: RunningTrainer; lines: string[] }> => {
      const lines: string[] = [];
      const parser = findTrainer('tiny')!.createParser({ startStep: 0, totalSteps: 1, totalEpochs: 1 });
      const output = new TrainerOutput(parser, {
        redact: (text) => text,
        onEvent: () => undefined,
        onLine: (_, line: Line) => void lines.push(line.text),
      });
      const request: LaunchRequest = {
        file: 'node',
        args: ['-e', script],
        env: {},
        workspaceDir,
        reads: [],
        job: { jobId: JOB_ID, attempt: 1, trainer: 'tiny' },
        gpus: [],
        ...overrides,
      };
      const running = await launcher.launch(request, output);
      launched.push(running);
      return { running, lines };
    };

    const probe = async (script: string, overrides: Partial<LaunchRequest> = {}): Promise<unknown> => {
      const { running, lines } = await launch(script, overrides);
      expect(await running.exited).toEqual({ exitCode: 0, signal: null });
      return JSON.parse(lines.join('\n'));
    };

    it('should let a trainer write its workspace, read what it needs, and nothing else', async () => {
      const script = `
        const fs = require('fs'), [ws, reads] = process.argv.slice(1);
        const write = (file) => { try { fs.writeFileSync(file, 'x'); return 'written' } catch (error) { return error.code } };
        console.log(JSON.stringify({
          inWorkspace: write(ws + '/output.txt'), inReads: write(reads + '/x'), inJobFile: write(ws + '/job.json'),
          inSpool: write(ws + '/spool/x'), inFetched: write(ws + '/fetched-dataset/x'), inImage: write('/opt/trainer/x'), atTop: write('/x'), inTmp: write('/tmp/x'),
          read: fs.readFileSync(reads + '/model', 'utf8'), isHostThere: fs.existsSync(process.execPath + '/../../../../${tmpdir()}/podman'),
          folder: process.cwd(),
        }))`;
      const seen = await probe(script.replaceAll('\n', ' '), {
        args: ['-e', script, workspaceDir, readDir],
        reads: [readDir],
      });
      expect(seen).toMatchObject({
        inWorkspace: 'written',
        inReads: 'EROFS',
        inJobFile: 'EROFS',
        inSpool: 'EROFS',
        inFetched: 'EROFS',
        inImage: 'EROFS',
        atTop: 'EROFS',
        inTmp: 'written',
        read: 'weights',
        folder: workspaceDir,
      });
    });

    it('should give a trainer no rights, no network and few processes', async () => {
      const script = `
        const fs = require('fs');
        const status = Object.fromEntries(fs.readFileSync('/proc/self/status', 'utf8').split('\\n').map((line) => line.split(/:\\s+/)));
        const limit = ['/sys/fs/cgroup/pids/pids.max', '/sys/fs/cgroup/pids.max'].find(fs.existsSync);
        require('net').connect(${new URL('http://127.0.0.1:1').port}, '10.0.0.1').on('error', (error) => console.log(JSON.stringify({
          user: process.getuid(), group: process.getgid(), capabilities: status.CapEff, noNewPrivileges: status.NoNewPrivs,
          interfaces: Object.keys(require('os').networkInterfaces()), connect: error.code,
          pids: fs.readFileSync(limit, 'utf8').trim(), environment: process.env,
        })))`;
      const seen = await probe(script, {
        launcher: launcherWith({ DOCKER_PIDS: '77' }),
        env: { LANG: 'C.UTF-8', PATH: '/of/the/host', TOKEN: 'a=b "c" $d' },
      } as Partial<LaunchRequest>);
      expect(seen).toMatchObject({
        user: 65534,
        group: 65534,
        capabilities: '0000000000000000',
        noNewPrivileges: '1',
        interfaces: ['lo'],
        connect: 'ENETUNREACH',
        pids: '77',
        environment: { LANG: 'C.UTF-8', PATH: '/usr/local/bin:/usr/bin:/bin', TOKEN: 'a=b "c" $d' },
      });
    });

    it('should name and label the container, and remove it when the trainer ended', async () => {
      const { running, lines } = await launch(
        'process.stdin.once("data", (text) => { console.log(`${text}`.trim()); process.exit(7) })',
      );
      await until('the container to run', async () => (await podman.names()).includes(NAME));
      const labels = JSON.parse(await podman.docker('inspect', '--format', '{{json .Config.Labels}}', NAME)) as object;
      expect(labels).toMatchObject({
        'influencerai.worker': 'worker-1',
        'influencerai.job': JOB_ID,
        'influencerai.attempt': '1',
        'influencerai.trainer': 'tiny',
        'influencerai.workspace': workspaceDir,
      });
      running.send({ command: 'save' });
      expect(await running.exited).toEqual({ exitCode: 7, signal: null });
      expect(lines).toEqual(['{"command":"save"}']);
      expect(await podman.names()).toEqual([]);
    });

    it('should lose nothing of a trainer that ends at once', async () => {
      const { running, lines } = await launch('for (let i = 0; i < 5000; i++) console.log(i)');
      expect(await running.exited).toEqual({ exitCode: 0, signal: null });
      expect(lines).toHaveLength(5000);
    });

    it('should let a trainer save within the grace time', async () => {
      const { running, lines } = await launch(
        'setInterval(() => {}, 1000); process.on("SIGTERM", () => { console.log("saved"); process.exit(0) }); console.log("up")',
      );
      await until('the trainer to be up', () => lines.includes('up'));
      await running.stop(10_000);
      expect(await running.exited).toEqual({ exitCode: 0, signal: null });
      expect(lines).toEqual(['up', 'saved']);
      expect(await podman.names()).toEqual([]);
    });

    it('should kill a trainer that does not obey', async () => {
      const { running, lines } = await launch(
        'setInterval(() => {}, 1000); process.on("SIGTERM", () => {}); console.log("up")',
      );
      await until('the trainer to be up', () => lines.includes('up'));
      await running.stop(300);
      expect(await running.exited).toEqual({ exitCode: null, signal: 'SIGKILL' });
      expect(await podman.names()).toEqual([]);
    });

    it.each([0, 5000])('should end a trainer that is only being started, with %d ms of grace', async (graceMs) => {
      const { running } = await launch('setInterval(() => {}, 1000)');
      await running.stop(graceMs);
      expect(await running.exited).toMatchObject({ exitCode: null });
      expect(await podman.names()).toEqual([]);
    });

    it('should end a trainer whose client broke off, and say so', async () => {
      const { running, lines } = await launch('setInterval(() => {}, 1000); console.log(process.pid)');
      await until('the trainer to be up', () => lines.length > 0);
      await killClients();
      expect(await running.exited).toEqual({ exitCode: 1, signal: null });
      expect(lines.at(-1)).toMatch(/connection to the container broke/);
      expect(await podman.names()).toEqual([]);
    });

    it('should end a trainer that takes more memory than it may', async () => {
      const { running } = await launch('const all = []; for (;;) all.push(Buffer.alloc(1e7, 1))', {
        launcher: launcherWith({ DOCKER_MEMORY: '200m' }),
      });
      expect(await running.exited).toEqual({ exitCode: null, signal: 'SIGKILL' });
    });

    it('should replace what an earlier attempt left', async () => {
      const earlier = await launch('setInterval(() => {}, 1000)');
      const { running } = await launch('', { job: { jobId: JOB_ID, attempt: 2, trainer: 'tiny' } });
      expect(await running.exited).toEqual({ exitCode: 0, signal: null });
      expect(await earlier.running.exited).toEqual({ exitCode: null, signal: 'SIGKILL' });
    });

    it('should say that a program is not in the image', async () => {
      const { running, lines } = await launch('', { file: '/nowhere/trainer' });
      expect(await running.exited).toEqual({ exitCode: 127, signal: null });
      expect(lines.join()).toContain('/nowhere/trainer');
    });

    it('should call it trouble of the host when the engine does not answer', async () => {
      const launcher = launcherWith({ DOCKER_HOST: `unix://${workspaceDir}/nothing.sock` });
      await expect(launch('', { launcher })).rejects.toMatchObject({ name: 'HostFault' });
    });
  });

  describe('a worker with LAUNCHER=docker', () => {
    let host: Host;

    beforeEach(async () => {
      host = await Host.open();
    });

    afterEach(() => host.close());

    const slow = () => aSpec({ extra: { stepDelayMs: 100 } });

    it('should train in a container, with the weights as without', async () => {
      const job = host.api.addJob(JOB_ID, aSpec());
      await host.startAgent({ ...variables(), DOCKER_IMAGES: `tiny=${TINY_IMAGE}` });
      await until('the job to end', () => job.ends.length > 0);
      expect(job).toMatchObject({ status: 'completed', ends: ['completed'] });
      const { metadata } = decodeSafetensors(job.artifacts.get('x-final.safetensors')!.content);
      expect(metadata).toMatchObject({ job_id: JOB_ID, trainer: 'tiny' });
      expect(await podman.names()).toEqual([]);
    });

    it('should train in a container on what was fetched', async () => {
      const picture = await readFile(PICTURE);
      host.api.dataset.set('a.png', picture).set('b/a.png', Buffer.concat([picture, Buffer.from('other')]));
      const job = host.api.addJob(JOB_ID, aSpec({ kind: 'image' }));
      await host.startAgent({
        ...variables(),
        DOCKER_IMAGES: `tiny=${TINY_IMAGE}`,
        DATASET_ACCESS: 'fetch',
      });
      await until('the job to end', () => job.ends.length > 0);
      expect(job).toMatchObject({ status: 'completed', ends: ['completed'] });
    });

    it('should cancel a job, with what was saved', async () => {
      const job = host.api.addJob(JOB_ID, slow());
      await host.startAgent(variables());
      await until('a checkpoint', () => job.artifacts.has('x-epoch-1.safetensors'));
      job.isCancelRequested = true;
      await until('the job to be cancelled', () => job.status === 'cancelled');
      expect(job.result).toMatchObject({ partialCheckpoints: expect.arrayContaining(['x-epoch-1.safetensors']) });
      expect(await podman.names()).toEqual([]);
    });

    it('should explain a container that was killed from outside', async () => {
      const job = host.api.addJob(JOB_ID, slow());
      await host.startAgent(variables());
      await until('progress', () => job.result);
      await podman.docker('kill', NAME);
      await until('the job to fail', () => job.status === 'failed');
      expect(job.result).toMatchObject({
        code: 'trainer_crashed',
        error: expect.stringContaining('SIGKILL'),
        hint: expect.stringContaining('memory'),
      });
      expect(await podman.names()).toEqual([]);
    });

    it('should save when its worker dies, and go on from there', async () => {
      const job = host.api.addJob(JOB_ID, slow());
      const worker = host.startProcess(variables());
      await until('a checkpoint', () => job.artifacts.has('x-epoch-1.safetensors'));
      worker.kill('SIGKILL');
      await once(worker, 'exit');
      job.spec = aSpec();
      await host.startAgent(variables());
      await until('the job to complete', () => job.status === 'completed');
      const resumed = job.logs.find((line) => line.attempt === 2 && line.text.startsWith('Going on from the state'));
      expect(Number(resumed?.text.match(/\d+/)?.[0])).toBeGreaterThanOrEqual(10);
      expect(job).toMatchObject({ attempt: 2, ends: ['completed'], result: { steps: 40 } });
      expect(await podman.names()).toEqual([]);
    });

    it('should end strays of its own at the start, and leave those of others alone', async () => {
      await mkdir(host.workerDir, { recursive: true });
      await writeFile(join(host.workerDir, 'worker-id'), '11111111-1111-4111-8111-111111111111\n');
      const stray = (name: string, worker: string): Promise<unknown> =>
        podman.docker(
          ...['run', '--detach', '--name', name, '--network', 'none', '--label', `influencerai.worker=${worker}`],
          ...[TINY_IMAGE, 'node', '-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'],
        );
      await stray('training-mine', '11111111-1111-4111-8111-111111111111');
      await stray('training-other', '22222222-2222-4222-8222-222222222222');
      await host.startAgent({ ...variables(), GRACE_MS: '200' });
      expect(await podman.names()).toEqual(['training-other']);
      await podman.docker('rm', '--force', 'training-other');
    });

    const withTrl = (overrides: Record<string, string> = {}): Record<string, string> => ({
      ...variables(),
      DOCKER_IMAGES: `tiny=${FAKE_IMAGE},trl=${TRL_IMAGE}`,
      DOCKER_USER: '4711:4711',
      ...overrides,
    });

    it('should not offer an image that does not start as jobs start it, and say why', async () => {
      await host.startAgent(withTrl({ NCCL_DEBUG: 'WARN' }));
      const reason = 'ImportError of /opt/trainer/drivers trl --home /opt/trainer/source --doctor as 4711';
      expect(host.api.registrations).toMatchObject([{ trainers: ['tiny'], unusable: [{ trainer: 'trl', reason }] }]);
      expect(await podman.names()).toEqual([]);
      const found = await lookAtTrainers(parseEnv(host.variables(withTrl({ NCCL_DEBUG: 'WARN' }))), []);
      expect(found).toContainEqual(expect.objectContaining({ id: 'trl', canStart: false, problem: reason }));
    });

    it('should try an image once, until there is another', async () => {
      await host.drain(await host.startAgent(withTrl()));
      // Would keep it from starting.
      await host.startAgent(withTrl({ NCCL_DEBUG: 'WARN' }));
      const offered = { trainers: expect.arrayContaining(['trl']), unusable: [] };
      expect(host.api.registrations).toMatchObject([offered, offered]);
    });

    it('should not start without an engine or an image, and say what is missing', async () => {
      await expect(host.startAgent({ ...variables(), DOCKER_HOST: 'unix:///nowhere.sock' })).rejects.toThrow(
        /does not answer.*DOCKER_HOST/,
      );
      await expect(host.startAgent({ ...variables(), DOCKER_IMAGES: 'tiny=nothing' })).rejects.toThrow(/DOCKER_IMAGES/);
    });
  });
});

/** The clients of this process alone. */
const killClients = async (): Promise<void> => {
  const args = ['--parent', String(process.pid), '--full', 'docker start --attach'];
  const { stdout } = await execa('pgrep', args);
  for (const pid of stdout.split('\n')) process.kill(Number(pid), 'SIGKILL');
};
