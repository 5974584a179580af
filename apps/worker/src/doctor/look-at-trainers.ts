import type { Gpu, TrainerId } from '@influencerai/shared';
import { DRIVERS_DIR, implementedTrainers } from '@influencerai/trainers';
import { execa } from 'execa';
import { join } from 'node:path';
import { z } from 'zod';
import type { Env } from '../env.js';
import { gpuEnvironment } from '../gpu-discovery.js';
import { hostPrograms, type Programs } from '../programs.js';
import { containerEngine } from '../runner/container-engine.js';
import { containerPrograms } from '../runner/container-programs.js';
import type { TrainerFinding } from './examination.js';

/** Importing torch and a trainer from a cold disk takes a while. */
const IMPORT_TIMEOUT_MS = 180_000;

const GPU_UNUSED = 'Its torch cannot use the GPU of this host: is the driver 570 or newer?';

/** Those that WORKER_TRAINERS allows, one after the other: their imports would only fight for the disk. */
export const lookAtTrainers = async (env: Env, gpus: readonly Gpu[]): Promise<TrainerFinding[]> => {
  const look = env.container ? inContainers(env.container) : onHost(env, gpus);
  const findings: TrainerFinding[] = [];
  for (const id of implementedTrainers()) if (env.trainers?.includes(id) ?? true) findings.push(await look(id));
  return findings;
};

type Look = (id: TrainerId) => Promise<TrainerFinding>;

const onHost =
  ({ tinyProgram, trainersDir }: Env, gpus: readonly Gpu[]): Look =>
  async (id) => {
    const found = await installation(id, hostPrograms({ tinyProgram, trainersDir }), `bin/trainers install ${id}`);
    if (!found.isInstalled || id === 'tiny') return found;
    const imported = await importTrainer(id, join(trainersDir, id), gpus);
    return { ...found, ...(gpus.length > 0 && imported.cuda === null && { problem: GPU_UNUSED }), ...imported };
  };

/** An image is not started: what it needs of the host shows with the first job. */
const inContainers = (settings: NonNullable<Env['container']>): Look => {
  const engine = containerEngine(settings);
  const programs = containerPrograms(engine, settings.images);
  return async (id) => {
    try {
      return await installation(id, programs, `There is no image ${settings.images[id]}: see docs/containers.md.`);
    } catch (error) {
      return {
        id,
        isInstalled: false,
        canStart: false,
        problem: error instanceof Error ? error.message : 'No engine.',
      };
    }
  };
};

const installation = async (id: TrainerId, programs: Programs, remedy: string): Promise<TrainerFinding> => {
  if (!(await programs.find(id))) return { id, isInstalled: false, canStart: false, problem: remedy };
  return { id, isInstalled: true, version: await programs.version(id), canStart: true };
};

const ImportSchema = z.object({
  python: z.string(),
  torch: z.string().optional(),
  cuda: z.string().nullable().optional(),
  bitsandbytes: z.boolean().optional(),
  canStart: z.boolean(),
  problem: z.string().optional(),
});

const importTrainer = async (id: TrainerId, dir: string, gpus: readonly Gpu[]): Promise<Partial<TrainerFinding>> => {
  const args = [DRIVERS_DIR, id, '--home', join(dir, 'source'), '--doctor'];
  // The GPUs as jobs see them.
  const options = { reject: false, stdin: 'ignore', timeout: IMPORT_TIMEOUT_MS, env: gpuEnvironment(gpus) } as const;
  const ended = await execa(join(dir, 'venv', 'bin', 'python'), args, options);
  if (ended.timedOut) return { canStart: false, problem: 'Its imports take more than three minutes.' };
  if (ended.failed) return { canStart: false, problem: ended.stderr.trim().split('\n').at(-1) || ended.shortMessage };
  return ImportSchema.parse(JSON.parse(ended.stdout));
};
