import type { TrainerId } from '@influencerai/shared';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { importTrainer } from './doctor/import-trainer.js';
import type { HostGpu } from './gpu-list.js';
import { startCheck, type StartCheck } from './start-check.js';

export interface InstalledStartCheckInput {
  trainersDir: string;
  gpus: readonly HostGpu[];
  /** Version of the NVIDIA driver. */
  driver: string | undefined;
  /** Environment that every trainer gets. */
  trainerBase: Record<string, string>;
  log: Logger;
}

/** Of trainers that `bin/trainers install` put on this host. */
export const installedStartCheck = (input: InstalledStartCheckInput): StartCheck => {
  const { trainersDir, gpus, trainerBase, log } = input;
  const dirOf = (id: TrainerId): string => join(trainersDir, id);
  return startCheck({
    factsOf: (id) => factsOf(dirOf(id), input),
    tryToStart: (id) => importTrainer({ id, dir: dirOf(id), gpus, trainerBase }),
    // Beside what is installed: a new installation takes its place, and knows nothing of earlier checks.
    passedFile: (id) => join(dirOf(id), 'starts.txt'),
    log,
  });
};

const factsOf = async (dir: string, { gpus, driver }: InstalledStartCheckInput): Promise<unknown> => {
  try {
    const installed = await readFile(join(dir, 'installed.json'), 'utf8');
    return [installed, await packagesChangedAt(dir), gpus, driver ?? null];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** When packages were last added to or taken from the environment. */
const packagesChangedAt = async (dir: string): Promise<number[]> => {
  const lib = join(dir, 'venv', 'lib');
  const versions = await readdir(lib).catch(() => []);
  const found = versions.map((version) => stat(join(lib, version, 'site-packages')).catch(() => undefined));
  return (await Promise.all(found)).map((folder) => folder?.mtimeMs ?? 0);
};
