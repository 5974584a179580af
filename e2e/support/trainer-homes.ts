import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { REPO_ROOT } from '@influencerai/local';

const run = promisify(execFile);

export type RealTrainerId = 'kohya' | 'ai-toolkit' | 'trl';

/** Where real trainers are on this machine, and how workers come to them. */
export interface TrainerHome {
  /** Behind the trainer's name in the titles of tests. */
  name: string;
  /** Settings of the workers. */
  environment: Record<string, string>;
  has: (trainer: RealTrainerId) => Promise<boolean>;
  /** What to do about a trainer that is not here. */
  whyMissing: (trainer: RealTrainerId) => string;
  /** Makes a random model below the folder: the makers are part of the drivers and need what the trainer has. */
  makeModel: (trainer: RealTrainerId, maker: string, folder: string) => Promise<void>;
  /** The processes or containers that a job has on this machine. */
  runsOf: (jobId: string) => Promise<string[]>;
}

const makerArguments = (maker: string, folder: string) => ['-m', `influencerai_drivers.tiny_models.${maker}`, folder];

const TRAINERS_DIR = process.env['TRAINERS_DIR'] ?? path.join(REPO_ROOT, '.local/trainers');

/** Where `bin/trainers install` put them. */
export const installedHome: TrainerHome = {
  name: 'installed',
  environment: { TRAINERS_DIR },
  has: (trainer) => Promise.resolve(existsSync(path.join(TRAINERS_DIR, trainer, 'installed.json'))),
  whyMissing: (trainer) =>
    `${trainer} is not installed, so its tests are skipped. To run them: bin/trainers install ${trainer}`,
  makeModel: async (trainer, maker, folder) => {
    await run(path.join(TRAINERS_DIR, trainer, 'venv/bin/python'), makerArguments(maker, folder), {
      cwd: path.join(REPO_ROOT, 'packages/trainers/drivers'),
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], OMP_NUM_THREADS: '2' },
    });
  },
  runsOf: async (jobId) => {
    // With their environment, which names the job's workspace.
    const { stdout } = await run('ps', ['axeww', '-o', 'args='], { maxBuffer: 64 << 20 });
    return linesOf(stdout).filter((line) => line.includes(jobId));
  },
};

const docker = async (...args: string[]): Promise<string> => (await run('docker', args)).stdout;
const imageOf = (trainer: RealTrainerId): string => `influencerai-trainer-${trainer}`;
const { DOCKER_HOST } = process.env;

/** In the images of docker/trainers, on the engine that Docker's client reaches from here. */
export const imagesHome: TrainerHome = {
  name: 'in containers',
  environment: { LAUNCHER: 'docker', ...(DOCKER_HOST && { DOCKER_HOST }) },
  has: (trainer) =>
    docker('image', 'inspect', imageOf(trainer)).then(
      () => true,
      () => false,
    ),
  whyMissing: (trainer) =>
    `There is no image of ${trainer}, so its tests are skipped. To run them: docker/trainers/${trainer}.Dockerfile`,
  makeModel: async (trainer, maker, folder) => {
    await mkdir(folder, { recursive: true });
    await docker(
      ...['run', '--rm', '--network', 'none', '--user', `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`],
      ...['--volume', `${folder}:${folder}`, '--workdir', '/opt/trainer/drivers', '--env', 'HOME=/tmp'],
      ...[imageOf(trainer), '/opt/trainer/venv/bin/python', ...makerArguments(maker, folder)],
    );
    // The trainer is another user, and weights are often saved for their owner alone.
    await run('chmod', ['--recursive', 'a+rX', folder]);
  },
  runsOf: async (jobId) =>
    linesOf(await docker('ps', '--all', '--filter', `name=^training-${jobId}$`, '--format', '{{.Names}} {{.Status}}')),
};

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');
