import { z } from 'zod';

/** A path on the host of the worker. Relative ones start at the folder of the registry file. */
const file = z
  .string()
  .min(1)
  .regex(/^(?!-)[^\0\r\n]*$/, 'Must be a path that does not start with "-".');

/** Families of models that kohya trains, by the script and the files they need. */
export const KOHYA_FAMILIES = [
  'sd1',
  'sd2',
  'sdxl',
  'sd3',
  'flux',
  'chroma',
  'lumina',
  'hunyuan-image',
  'anima',
] as const;
export type KohyaFamily = (typeof KOHYA_FAMILIES)[number];

const KohyaModelSchema = z.strictObject({
  trainer: z.literal('kohya'),
  family: z.enum(KOHYA_FAMILIES),
  model: file.describe('Checkpoint file; for SD 1.x, SD 2.x and SDXL also a diffusers folder or a hub id.'),
  vae: file
    .optional()
    .describe('SD 1.x, SD 2.x, SDXL: another VAE, a file or a hub id. HunyuanImage, Anima: required.'),
  ae: file.optional().describe('FLUX, Chroma, Lumina: the autoencoder.'),
  clipL: file.optional().describe('FLUX; SD3 unless it is in the checkpoint.'),
  clipG: file.optional().describe('SD3 unless it is in the checkpoint.'),
  t5xxl: file.optional().describe('FLUX, Chroma; SD3 unless it is in the checkpoint.'),
  gemma2: file.optional().describe('Lumina.'),
  textEncoder: file.optional().describe('HunyuanImage: Qwen2.5-VL.'),
  byt5: file.optional().describe('HunyuanImage.'),
  qwen3: file.optional().describe('Anima.'),
  tokenizerCacheDir: file.optional().describe('Folder of tokenizers for hosts without a way to the hub.'),
  vParameterization: z.boolean().optional().describe('SD 2.x with 768-v weights.'),
});
export type KohyaModel = z.infer<typeof KohyaModelSchema>;

const AiToolkitModelSchema = z.strictObject({
  trainer: z.literal('ai-toolkit'),
  arch: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,39}(:[a-z0-9_]{1,20})?$/)
    .describe(
      'Value of `model.arch`; the trainer knows which exist. Its weights must not be ones that predict velocity.',
    ),
  model: file.describe('File, diffusers folder or hub id.'),
  quantize: z.boolean().optional().describe('Default: what the architecture needs on a 24 GB card.'),
  lowVram: z.boolean().optional(),
});
export type AiToolkitModel = z.infer<typeof AiToolkitModelSchema>;

const TrlModelSchema = z.strictObject({
  trainer: z.literal('trl'),
  model: file.describe('Folder or hub id.'),
  chatTemplate: file.optional().describe('Jinja file, for models whose tokenizer has no chat template.'),
});
export type TrlModel = z.infer<typeof TrlModelSchema>;

/** How a worker trains one base model. */
export const ModelEntrySchema = z.discriminatedUnion('trainer', [
  KohyaModelSchema,
  AiToolkitModelSchema,
  TrlModelSchema,
]);
export type ModelEntry = z.infer<typeof ModelEntrySchema>;
