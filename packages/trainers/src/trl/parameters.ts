import { z } from 'zod';

/** A part of a module's name. Anything else would be a pattern to PEFT, or a path. */
const moduleName = z.string().regex(/^[A-Za-z0-9_.]{1,100}$/, 'Must be a plain module name.');

/** What the TRL trainer reads from a configuration's `meta` beyond the portable entries. Other values are refused. */
export const parameters = z.object({
  method: z
    .enum(['lora', 'qlora', 'full'])
    .optional()
    .describe('LoRA, LoRA over a base in 4 bit (CUDA only), or all weights; default: lora.'),
  loadIn4bit: z.boolean().optional().describe('The same as `method: "qlora"`.'),
  loraDropout: z.number().min(0).max(0.9).optional().describe('Share of the adapter that is left out; default 0.05.'),
  loraTargetModules: z
    .union([z.literal('all-linear'), z.array(moduleName).min(1).max(64)])
    .optional()
    .describe('Layers that get an adapter; default `all-linear`.'),
  useDora: z.boolean().optional().describe('Weight-decomposed adapters: better at low ranks, slower to serve.'),
  useRslora: z.boolean().optional().describe('Scale by alpha/√rank in place of alpha/rank.'),
  maxLength: z.int().min(16).max(131_072).optional().describe('Tokens of a row that are kept; default 1024.'),
  packing: z.boolean().optional().describe('Several rows in one sequence of `maxLength` tokens.'),
  completionOnlyLoss: z
    .boolean()
    .optional()
    .describe('Prompt and completion rows: learn the completion only; default true.'),
  assistantOnlyLoss: z.boolean().optional().describe('Rows of messages: learn what the assistant says only.'),
  warmupSteps: z.int().min(0).max(1_000_000).optional().describe('Steps over which the learning rate rises.'),
  weightDecay: z.number().min(0).max(1).optional().describe('Weight decay of the optimizer; default 0.'),
  maxGradNorm: z.number().positive().max(1000).optional().describe('Gradients are cut to this norm; default 1.'),
  gradientCheckpointing: z
    .boolean()
    .optional()
    .describe('Less memory, a third more time; default true on a GPU, false on a CPU.'),
  precision: z
    .enum(['auto', 'bf16', 'fp16', 'fp32'])
    .optional()
    .describe(
      'Type to train in; default: bf16 on a GPU that has it, else fp16, and fp32 on a CPU; QLoRA: bf16, and no fp16.',
    ),
  saveEverySteps: z.int().min(1).max(1_000_000).optional().describe('Checkpoints; wins over `saveEveryEpochs`.'),
  saveEveryEpochs: z.int().min(1).max(1000).optional().describe('Checkpoints; default: four per job.'),
  sampleMaxTokens: z.int().min(1).max(1024).optional().describe('Length of the sample texts; default 64.'),
});
export type TrlParameters = z.infer<typeof parameters>;
