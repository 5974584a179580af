import { z } from 'zod';

const rate = z.number().min(0).max(10);
const share = z.number().min(0).max(1);
const every = z.int().min(1).max(100_000);
/** One line without control characters; goes into captions only. */
const words = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u);

/** What kohya reads from a configuration's `meta` beyond the portable entries. */
export const parameters = z.object({
  method: z
    .enum(['lora', 'locon', 'dreambooth', 'finetune'])
    .optional()
    .describe(
      '`locon` trains convolutions too, `dreambooth` (without class pictures) and `finetune` write whole models; default: lora.',
    ),
  convDim: z.int().min(1).max(512).optional().describe('LoCon: rank of convolutions; default networkDim.'),
  convAlpha: z.number().min(0).max(512).optional().describe('LoCon: alpha of convolutions; default networkAlpha.'),
  unetLearningRate: rate.optional().describe('Of the U-Net or transformer; default learningRate.'),
  textEncoderLearningRate: rate.optional().describe('Of the text encoders; default learningRate.'),
  networkTrainUnetOnly: z
    .boolean()
    .optional()
    .describe(
      'Leaves text encoders alone; default true for flow models, and without textEncoderLearningRate for `finetune` and whole models of SDXL.',
    ),
  cacheLatents: z
    .boolean()
    .optional()
    .describe('Encodes every picture once, at the start, for large datasets onto the disk; default true.'),
  cacheTextEncoderOutputs: z
    .boolean()
    .optional()
    .describe('Encodes every caption once; default true for flow models whose captions do not change.'),
  gradientCheckpointing: z.boolean().optional().describe('Saves memory for time; default true on a GPU.'),
  attention: z.enum(['sdpa', 'xformers']).optional().describe('Kind of attention; default: sdpa.'),
  precision: z
    .enum(['auto', 'bf16', 'fp16', 'fp32'])
    .optional()
    .describe('auto: bf16 on a GPU, fp32 without; fp16 on GPUs that have no bf16, but for flow models.'),
  savePrecision: z.enum(['bf16', 'fp16', 'fp32']).optional().describe('Of the written weights; default: precision.'),
  warmupSteps: z.int().min(0).max(1_000_000).optional().describe('Steps over which the learning rate rises.'),
  schedulerCycles: z.int().min(1).max(1000).optional().describe('Restarts of cosine_with_restarts.'),
  noiseOffset: share.optional().describe('SD 1.x, 2.x and SDXL.'),
  captionDropoutRate: share.optional().describe('Share of the steps that see no caption.'),
  shuffleCaption: z.boolean().optional().describe('Shuffles the comma-separated parts of captions.'),
  keepTokens: z.int().min(0).max(255).optional().describe('Parts that stay in front when shuffled.'),
  flipAug: z.boolean().optional().describe('Mirrors pictures at random.'),
  numRepeats: z.int().min(1).max(1000).optional().describe('How often an epoch sees each picture; default 1.'),
  classTokens: words.optional().describe('Caption of pictures without one; default: the trigger word.'),
  enableBucket: z.boolean().optional().describe('Keeps the shapes of pictures; default true.'),
  minBucketReso: z.int().min(64).max(4096).optional().describe('Shortest side of a bucket.'),
  maxBucketReso: z.int().min(64).max(8192).optional().describe('Longest side of a bucket.'),
  bucketResoSteps: z.int().min(16).max(512).optional().describe('Buckets are multiples of it; default 64.'),
  blocksToSwap: z
    .int()
    .min(1)
    .max(60)
    .optional()
    .describe('Flow models: blocks kept in main memory, at most two fewer than the model has.'),
  fp8Base: z.boolean().optional().describe('Keeps the frozen base model in 8 bits.'),
  networkDropout: share.optional().describe('Share of the neurons left out in each step.'),
  scaleWeightNorms: z.number().positive().max(100).optional().describe('Upper bound of the norm of each weight.'),
  saveEveryEpochs: every.optional().describe('Checkpoints; default: four per job.'),
  saveEverySteps: every.optional().describe('Checkpoints, instead of by epochs.'),
  sampleEveryEpochs: every.optional().describe('Samples by epochs; default: with each checkpoint.'),
  sampleEverySteps: every.optional().describe('Samples, instead of by epochs.'),
  sampleAtFirst: z.boolean().optional().describe('Samples also before the first step.'),
  sampleSteps: z.int().min(1).max(150).optional().describe('Denoising steps of a sample; default 20.'),
});

export type KohyaParameters = z.infer<typeof parameters>;
export type KohyaParameter = keyof KohyaParameters;
