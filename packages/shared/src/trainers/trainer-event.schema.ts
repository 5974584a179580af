import { z } from 'zod';

/**
 * What a trainer tells the worker while it runs. Trainers of our own (tiny, the step-gate drivers) print one such
 * object per line of standard output; the parsers of foreign trainers produce the same objects from their text.
 * A line that is no event is a log line.
 */
export const TrainerEventSchema = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('start'),
    /** First step that will run, minus one: 0 for a fresh run, the checkpoint's step after a resume. */
    step: z.int().nonnegative(),
    totalSteps: z.int().positive(),
    totalEpochs: z.int().positive(),
  }),
  z.object({
    event: z.literal('progress'),
    /** Optimizer steps completed since the very first start of the job, resumes included. */
    step: z.int().positive(),
    epoch: z.int().positive(),
    /** Of a trainer that learns nothing there is none. */
    loss: z.number().optional(),
    learningRate: z.number().optional(),
  }),
  z.object({
    event: z.literal('checkpoint'),
    step: z.int().nonnegative(),
    epoch: z.int().nonnegative(),
    /** Weights file (`.safetensors`) or index, relative to the workspace. Complete when the event is sent. */
    path: z.string(),
    /** What a resume needs, a file or folder relative to the workspace; complete when the event is sent. */
    statePath: z.string().optional(),
    isFinal: z.boolean().default(false),
    /** File name to publish the weights under, where the path's own says too little. */
    name: z.string().optional(),
    /** Other files that the weights need to be loaded, relative to the workspace. */
    companions: z.array(z.string()).optional(),
  }),
  z.object({
    event: z.literal('sample'),
    step: z.int().nonnegative(),
    /** Picture or text file, relative to the workspace. */
    path: z.string(),
    prompt: z.string(),
  }),
  /** The authorised step budget is used up; the trainer waits for the next grant. */
  z.object({ event: z.literal('paused'), step: z.int().nonnegative() }),
  /** Every authorised step ran and the final file is on disk. */
  z.object({ event: z.literal('done'), step: z.int().nonnegative(), loss: z.number().optional() }),
  /** The trainer saved and stopped because it was told to (SIGTERM or an `abort` command). Exit code 0. */
  z.object({ event: z.literal('aborted'), step: z.int().nonnegative() }),
  z.object({ event: z.literal('warning'), message: z.string() }),
  z.object({
    event: z.literal('error'),
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
  }),
]);
export type TrainerEvent = z.infer<typeof TrainerEventSchema>;

/** One JSON object per line on the trainer's standard input. */
export const TrainerCommandSchema = z.discriminatedUnion('command', [
  /** Authorise further steps on top of what was authorised before. */
  z.object({ command: z.literal('grant'), steps: z.int().positive() }),
  z.object({ command: z.literal('save') }),
  z.object({ command: z.literal('sample') }),
  /** Save at the next step boundary and exit 0. */
  z.object({ command: z.literal('abort') }),
]);
export type TrainerCommand = z.infer<typeof TrainerCommandSchema>;
