import { z } from 'zod';

const NetworkSchema = z.object({ dim: z.int().min(1).max(4096), alpha: z.number().positive() });

const TrainingSchema = z.object({
  epochs: z.int().min(1),
  maxSteps: z.int().min(1).optional(),
  batchSize: z.int().min(1).max(64).default(2),
  learningRate: z.number().positive().default(1e-4),
  lrScheduler: z.enum(['constant', 'cosine', 'linear']).default('constant'),
  warmupSteps: z.int().nonnegative().default(0),
  optimizer: z.string().default('AdamW'),
  seed: z.int().nonnegative().default(0),
  /** Cap on the loss weight of almost clean pictures; no meaning for text. */
  minSnrGamma: z.number().positive().optional(),
});

const CommonShape = {
  outputDir: z.string().min(1).default('output').describe('Relative to the working folder; created.'),
  name: z
    .string()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u, 'letters, digits, ".", "_" and "-" only')
    .describe('File base name.'),
  network: NetworkSchema,
  training: TrainingSchema,
  checkpoint: z
    .object({ everyEpochs: z.int().min(1).default(5), everySteps: z.int().min(1).optional() })
    .default({ everyEpochs: 5 }),
  samples: z
    .object({ prompts: z.array(z.string()).default([]), everyEpochs: z.int().min(1).default(5) })
    .default({ prompts: [], everyEpochs: 5 }),
  resumeFrom: z.string().optional().describe('A state folder (or a file in it) that a checkpoint event announced.'),
  isBudgeted: z.boolean().default(false).describe('Train only steps authorised by grant commands.'),
  exitOnStdinClose: z
    .boolean()
    .default(false)
    .describe('Save and stop when standard input closes: the parent is gone.'),
  stepDelayMs: z.int().min(0).max(60_000).default(0).describe('Slows every step, for trying out.'),
  metadata: z.record(z.string(), z.string()).default({}),
};

/** What `main.js --config` reads. */
export const TinyConfigSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('image'),
    dataset: z.object({ images: z.array(z.object({ path: z.string().min(1), caption: z.string() })).min(1) }),
    ...CommonShape,
  }),
  z.object({
    kind: z.literal('text'),
    dataset: z.object({ rows: z.array(z.string().min(1)).min(1) }),
    ...CommonShape,
  }),
]);
export type TinyConfig = z.infer<typeof TinyConfigSchema>;
/** As written, with defaults still to come. */
export type TinyConfigInput = z.input<typeof TinyConfigSchema>;
