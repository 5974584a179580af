import { z } from 'zod';

/** What the trainer of indexes reads from a configuration's `meta`. */
export const parameters = z.object({
  method: z.literal('retrieval').describe('Makes an index in place of weights, whatever the model.'),
});
