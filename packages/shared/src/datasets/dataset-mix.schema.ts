import { z } from 'zod';
import { MetaSchema } from '../http/page.schema.js';

/** Datasets that one mix may draw from. */
export const MAX_SHARES = 50;
const HUNDRED = 100;
/** What thirds lose by rounding: 33.33 + 33.33 + 33.34. */
const TOLERANCE = 0.01;

/** Whether percentages make up a whole, but for what rounding lost. */
export const sumToHundred = (shares: readonly { percentage: number }[]): boolean =>
  Math.abs(shares.reduce((sum, { percentage }) => sum + percentage, 0) - HUNDRED) <= TOLERANCE;

export const DatasetShareSchema = z.strictObject({
  datasetId: z.string(),
  percentage: z.number().positive().max(HUNDRED),
});
export type DatasetShare = z.infer<typeof DatasetShareSchema>;

export const MixDatasetsSchema = z
  .strictObject({
    shares: z
      .array(DatasetShareSchema)
      .min(1)
      .max(MAX_SHARES)
      .refine((shares) => new Set(shares.map(({ datasetId }) => datasetId)).size === shares.length, {
        error: 'Each dataset may stand here once.',
      })
      .refine(sumToHundred, { error: 'Percentages must sum to 100.' })
      .describe('Datasets of the kind `fine-tuning` that are ready, and how much of the mix each makes up.'),
    maxRows: z
      .int()
      .min(1)
      .max(1_000_000)
      .describe('The mix is as large as this and the percentages allow; no row is taken twice.'),
    seed: z.int().min(0).max(2_147_483_647).default(0).describe('Which rows are drawn; the same seed draws the same.'),
    name: z.string().trim().min(1).max(255).optional().describe('What to call it; kept as `meta.name`.'),
    meta: MetaSchema.default({}).describe('Free JSON. `mix` is added: the seed and the rows of each dataset.'),
  })
  .meta({
    example: {
      shares: [
        { datasetId: '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d', percentage: 70 },
        { datasetId: '0199d3a0-6b1f-7d2a-8e4b-1f7b4a2c3d5e', percentage: 30 },
      ],
      maxRows: 50_000,
      seed: 7,
    },
  });
export type MixDatasets = z.infer<typeof MixDatasetsSchema>;
