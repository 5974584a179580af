import { z } from 'zod';
import { MetaSchema } from '../http/page.schema.js';

export const MAX_INLINE_TEXTS = 10_000;

export const CreateTextDatasetSchema = z
  .strictObject({
    texts: z
      .array(z.string().regex(/\S/, 'Must not be blank.'))
      .min(1)
      .max(MAX_INLINE_TEXTS)
      .describe('One example each, learned as it stands.'),
    name: z.string().trim().min(1).max(255).optional().describe('What to call it; kept as `meta.name`.'),
    meta: MetaSchema.default({}).describe('Free JSON.'),
  })
  .meta({ example: { texts: ['Question: Where does the parcel go?\nAnswer: Back into its box.'], name: 'Answers' } });
export type CreateTextDataset = z.infer<typeof CreateTextDatasetSchema>;
