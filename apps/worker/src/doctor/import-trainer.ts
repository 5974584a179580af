import type { Gpu, TrainerId } from '@influencerai/shared';
import { DRIVERS_DIR } from '@influencerai/trainers';
import { execa } from 'execa';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gpuEnvironment } from '../gpu-discovery.js';
import { IMPORT_TIMEOUT_MS, readImport, type ImportFinding } from './import-finding.js';

export interface ImportInput {
  id: TrainerId;
  /** Where it is installed. */
  dir: string;
  /** Those that jobs get. */
  gpus: readonly Gpu[];
  /** Environment that every trainer gets; the worker's own holds secrets. */
  trainerBase: Record<string, string>;
}

/** Lets a trainer's own Python import what jobs need, and compute on their GPUs, for real; takes up to a minute. */
export const importTrainer = async ({ id, dir, gpus, trainerBase }: ImportInput): Promise<ImportFinding> => {
  const args = [DRIVERS_DIR, id, '--home', join(dir, 'source'), '--doctor'];
  const ended = await execa(join(dir, 'venv', 'bin', 'python'), args, {
    reject: false,
    stdin: 'ignore',
    timeout: IMPORT_TIMEOUT_MS,
    extendEnv: false,
    // The GPUs as jobs see them.
    env: { ...trainerBase, HOME: tmpdir(), HF_HUB_OFFLINE: '1', ...gpuEnvironment(gpus) },
  });
  return readImport(ended, gpus);
};
