import type { Gpu } from '@influencerai/shared';
import { z } from 'zod';

/** Importing torch and a trainer from a cold disk takes a while. */
export const IMPORT_TIMEOUT_MS = 180_000;

const GPU_UNUSED = 'Its torch cannot use the GPU of this host: is the driver 570 or newer?';
const KEEP_OUT = 'Keep the others out with CUDA_VISIBLE_DEVICES.';

/** What a driver answers to `--doctor` (`packages/trainers/drivers/influencerai_drivers/doctor.py`). */
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

/** How the driver ended. */
export interface ImportEnd {
  failed: boolean;
  timedOut: boolean;
  stdout: string;
  stderr: string;
  shortMessage?: string;
}

/** What to make of it, for jobs that get these GPUs: a torch that cannot use them is as good as none. */
export const readImport = (ended: ImportEnd, { length }: readonly Gpu[]): ImportFinding => {
  if (ended.timedOut) return { canStart: false, problem: 'Its imports take more than three minutes.' };
  if (ended.failed) return { canStart: false, problem: ended.stderr.trim().split('\n').at(-1) || ended.shortMessage };
  const found = parse(ended.stdout);
  if (!found.canStart || length === 0) return found;
  if (found.cuda === null) return { ...found, canStart: false, problem: GPU_UNUSED };
  if (found.gpus === undefined || found.gpus >= length) return found;
  return { ...found, canStart: false, problem: `Its torch can use ${found.gpus} of ${length} GPUs. ${KEEP_OUT}` };
};

const parse = (stdout: string): ImportFinding => {
  try {
    return ImportSchema.parse(JSON.parse(stdout));
  } catch {
    // Whatever it is that answers, it is not our driver.
    return { canStart: false, problem: 'Its Python does not answer as it should.' };
  }
};
