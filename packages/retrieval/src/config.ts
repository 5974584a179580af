import { z } from 'zod';

/** What `main.js --config` reads. */
export const IndexConfigSchema = z.object({
  /** One JSON string a line, which is the text of one row; absolute, or relative to the working folder. */
  rows: z.string().min(1),
  /** How many lines that file has. */
  rowCount: z.int().min(1),
  /** The index; relative to the working folder. Its folder is made. */
  output: z.string().min(1),
  metadata: z.record(z.string(), z.string()).default({}),
});
export type IndexConfig = z.infer<typeof IndexConfigSchema>;
