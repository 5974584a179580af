import { join } from 'node:path';
import type { Logger } from 'pino';
import { importInContainer, type ImportInContainerInput } from './doctor/import-in-container.js';
import type { HostGpu } from './gpu-list.js';
import { startCheck, type StartCheck } from './start-check.js';

export interface ImageStartCheckInput extends Omit<ImportInContainerInput, 'id'> {
  gpus: readonly HostGpu[];
  workerDir: string;
  /** Version of the NVIDIA driver. */
  driver: string | undefined;
  log: Logger;
}

/** Of trainers whose images are on this host. */
export const imageStartCheck = (input: ImageStartCheckInput): StartCheck => {
  const { engine, settings, gpus, driver, workerDir, log } = input;
  return startCheck({
    factsOf: async (id) => {
      const image = await engine.image(settings.images[id]);
      return image && [image.id, gpus, driver ?? null];
    },
    tryToStart: (id) => importInContainer({ ...input, id }),
    passedFile: (id) => join(workerDir, 'starts', `${id}.txt`),
    log,
  });
};
