import { AppError, type TrainingSpec } from '@influencerai/shared';
import { z } from 'zod';
import { TIMESTEP_TYPES } from './archs.js';

const steps = z.int().min(1).max(1_000_000);
const rank = z.int().min(1).max(1024);
const side = z.int().min(64).max(4096);

/** What ai-toolkit reads from a configuration's `meta` beyond the portable entries. */
export const parameters = z.object({
  networkType: z.enum(['lora', 'lokr', 'locon']).optional().describe('Kind of network; default: lora.'),
  convDim: rank.optional().describe('Rank for convolutions, of U-Net models; makes a LoCon of a LoRA.'),
  convAlpha: rank.optional().describe('Alpha for convolutions; default: convDim.'),
  lokrFactor: z.int().min(-1).max(1024).optional().describe('LoKr: factor of the split; -1 finds the largest.'),
  networkDropout: z.number().min(0).max(0.9).optional().describe('Share of neurons that a step leaves out.'),
  precision: z.enum(['bf16', 'fp16', 'fp32']).optional().describe('Type to train in; default: bf16, on CPUs fp32.'),
  savePrecision: z.enum(['bf16', 'fp16', 'fp32']).optional().describe('Type of the saved weights.'),
  quantize: z.boolean().optional().describe('Holds the base in 8 bit; default: what its architecture needs.'),
  quantizeTextEncoder: z.boolean().optional().describe('The same for the text encoder.'),
  lowVram: z.boolean().optional().describe('Slower loading and switching for cards with little memory.'),
  gradientCheckpointing: z.boolean().optional().describe('Computes again in place of remembering; default: on.'),
  cacheLatentsToDisk: z.boolean().optional().describe('Encodes every picture once; default: on.'),
  cacheTextEmbeddings: z
    .boolean()
    .optional()
    .describe('Encodes every caption once and unloads the text encoder; captions are then never dropped.'),
  captionDropoutRate: z.number().min(0).max(1).optional().describe('Share of captions left out; default: 0.05.'),
  resolutions: z
    .array(side)
    .min(1)
    .max(6)
    .optional()
    .describe('Trains every picture once for each of these sizes; default: the resolution alone.'),
  numRepeats: z.int().min(1).max(1000).optional().describe('How often an epoch shows each picture.'),
  flipX: z.boolean().optional().describe('Adds mirrored pictures.'),
  timestepType: z.enum(TIMESTEP_TYPES).optional().describe('How noise levels are drawn, for flow-matching models.'),
  noiseOffset: z.number().min(0).max(1).optional().describe('Noise offset, for noise-predicting models.'),
  maxGradNorm: z.number().positive().max(1000).optional().describe('Where gradients are clipped; default: 1.'),
  weightDecay: z.number().min(0).max(1).optional().describe('Weight decay of the optimizer.'),
  warmupSteps: steps.optional().describe('Steps over which the rate rises; with a constant schedule only.'),
  trainTextEncoder: z.boolean().optional().describe('Trains the text encoders of U-Net models too.'),
  emaDecay: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('Saves a moving average of the weights, of which each step keeps this share; default: none.'),
  saveEverySteps: steps.optional().describe('Checkpoints by steps; default: four per job.'),
  saveEveryEpochs: steps.optional().describe('Checkpoints by epochs.'),
  sampleEverySteps: steps.optional().describe('Pictures by steps; default: with the checkpoints.'),
  sampleSteps: z.int().min(1).max(200).optional().describe('Denoising steps of a sample.'),
  guidanceScale: z.number().min(0).max(30).optional().describe('Guidance of a sample.'),
  negativePrompt: z.string().max(2000).optional().describe('What samples shall not show.'),
});
export type AiToolkitParameters = z.infer<typeof parameters>;

/**
 * Reads what `meta` says beyond the portable entries.
 * @throws AppError `spec_unsupported`
 */
export const readParameters = ({ extra }: TrainingSpec): AiToolkitParameters => {
  const parsed = parameters.safeParse(extra);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unsupported(`meta.${z.core.toDotPath(issue!.path)}: ${issue!.message}`);
};

export const unsupported = (reason: string): AppError =>
  new AppError('spec_unsupported', { trainer: 'ai-toolkit', reason });
