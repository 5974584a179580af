import { type Gpu, isBuiltIn, type TrainerId } from '@influencerai/shared';
import { implementedTrainers } from '@influencerai/trainers';
import { join } from 'node:path';
import type { Env } from '../env.js';
import { hostPrograms, type Programs } from '../programs.js';
import { containerEngine } from '../runner/container-engine.js';
import { containerPrograms } from '../runner/container-programs.js';
import type { TrainerFinding } from './examination.js';
import { importInContainer } from './import-in-container.js';
import { importTrainer } from './import-trainer.js';

/** Those that WORKER_TRAINERS allows, one after the other: their imports would only fight for the disk. */
export const lookAtTrainers = async (env: Env, gpus: readonly Gpu[]): Promise<TrainerFinding[]> => {
  const look = env.container ? inContainers(env.container, env.trainerBase, gpus) : onHost(env, gpus);
  const findings: TrainerFinding[] = [];
  for (const id of implementedTrainers()) if (env.trainers?.includes(id) ?? true) findings.push(await look(id));
  return findings;
};

type Look = (id: TrainerId) => Promise<TrainerFinding>;

const onHost =
  ({ tinyProgram, trainersDir, trainerBase }: Env, gpus: readonly Gpu[]): Look =>
  async (id) => {
    const found = await installation(id, hostPrograms({ tinyProgram, trainersDir }), `bin/trainers install ${id}`);
    if (!found.isInstalled || isBuiltIn(id)) return found;
    return { ...found, ...(await importTrainer({ id, dir: join(trainersDir, id), gpus, trainerBase })) };
  };

const inContainers = (
  settings: NonNullable<Env['container']>,
  trainerBase: Env['trainerBase'],
  gpus: readonly Gpu[],
): Look => {
  const engine = containerEngine(settings);
  const programs = containerPrograms(engine, settings.images);
  return async (id) => {
    try {
      const found = await installation(
        id,
        programs,
        `There is no image ${settings.images[id]}: see docs/containers.md.`,
      );
      if (!found.isInstalled || isBuiltIn(id)) return found;
      return {
        ...found,
        ...(await importInContainer({ id, engine, settings, gpus, trainerBase, workerId: 'doctor' })),
      };
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
