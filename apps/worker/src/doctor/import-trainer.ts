import type { Gpu, TrainerId } from '@influencerai/shared';
import { DRIVERS_DIR } from '@influencerai/trainers';
import { execa } from 'execa';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { gpuEnvironment } from '../gpu-discovery.js';

/** Importing torch and a trainer from a cold disk takes a while. */
const IMPORT_TIMEOUT_MS = 180_000;

const GPU_UNUSED = 'Its torch cannot use the GPU of this host: is the driver 570 or newer?';
const KEEP_OUT = 'Keep the others out with CUDA_VISIBLE_DEVICES.';

const ImportSchema = z.object({
  python: z.string().optional(),
  torch: z.string().optional(),
  /** Version of CUDA that its torch can use; null on a CPU. */
  cuda: z.string().nullable().optional(),
  /** How many that its torch can use. */
  gpus: z.int().optional(),
  bitsandbytes: z.boolean().optional(),
  canStart: z.boolean(),
  problem: z.string().optional(),
});
export type ImportFinding = z.infer<typeof ImportSchema>;

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
  if (ended.timedOut) return { canStart: false, problem: 'Its imports take more than three minutes.' };
  if (ended.failed) return { canStart: false, problem: ended.stderr?.trim().split('\n').at(-1) || ended.shortMessage };
  return judge(readFinding(ended.stdout), gpus);
};

/** A torch that cannot use the GPUs that jobs get is as good as none. */
const judge = (found: ImportFinding, { length }: readonly Gpu[]): ImportFinding => {
  if (!found.canStart || length === 0) return found;
  if (found.cuda === null) return { ...found, canStart: false, problem: GPU_UNUSED };
  if (found.gpus === undefined || found.gpus >= length) return found;
  return { ...found, canStart: false, problem: `Its torch can use ${found.gpus} of ${length} GPUs. ${KEEP_OUT}` };
};

const readFinding = (stdout: string): ImportFinding => {
  try {
    return ImportSchema.parse(JSON.parse(stdout));
  } catch {
    // Whatever it is that answers, it is not our driver.
    return { canStart: false, problem: 'Its Python does not answer as it should.' };
  }
};
