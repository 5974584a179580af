import { z } from 'zod';

/** What tiny reads from a configuration's `meta` beyond the portable entries. Numbers outside are brought inside. */
export const parameters = z.object({
  saveEveryEpochs: z.int().min(1).max(1000).optional().describe('Checkpoints; default: four per job.'),
  stepDelayMs: z.int().min(0).max(1000).optional().describe('Waits after each step, for trying out clients.'),
  warmupSteps: z.int().min(0).max(1_000_000).optional().describe('Steps over which the learning rate rises.'),
});
