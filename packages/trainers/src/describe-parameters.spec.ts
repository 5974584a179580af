import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { describeParameters } from './describe-parameters.js';
import { findTrainer, implementedTrainers } from './registry.js';

const described = (schema: z.ZodType) => describeParameters(z.object({ x: schema }))[0]!;

describe(describeParameters, () => {
  it.each([
    [z.int().min(1).max(8).optional(), 'whole number', '1 to 8'],
    [z.number().positive().max(10).optional(), 'number', 'more than 0, at most 10'],
    [z.boolean().optional(), 'boolean', ''],
    [z.enum(['a', 'b']).optional(), '"a", "b"', ''],
    [z.string().max(20).optional(), 'string', 'at most 20 characters'],
    [z.array(z.int().min(64).max(4096)).min(1).max(6), 'list of whole number', '1 to 6 entries, each 64 to 4096'],
    [z.union([z.literal('all'), z.array(z.string()).min(1).max(2)]), '"all" or list of string', '1 to 2 entries'],
  ])('should tell type and range of %#', (schema, type, range) => {
    expect(described(schema)).toMatchObject({ type, range });
  });

  it.each([
    ['Kind of network; default: lora.', 'lora', 'Kind of network.'],
    ['Share that is left out; default 0.05.', '0.05', 'Share that is left out.'],
    ['Default lora. locon trains convolutions too.', 'lora', 'Locon trains convolutions too.'],
    ['LoRA (default), or all weights.', '', 'LoRA (default), or all weights.'],
    ['Weight decay.', '', 'Weight decay.'],
  ])('should find the default in %j', (text, fallback, meaning) => {
    expect(described(z.boolean().describe(text))).toMatchObject({ fallback, meaning });
  });

  it.each(implementedTrainers())('should find a meaning for every entry of %s', (id) => {
    const entries = describeParameters(findTrainer(id)!.parameters);
    expect(entries.length).toBeGreaterThan(0);
    expect(entries.filter(({ meaning }) => meaning === '')).toEqual([]);
  });
});
