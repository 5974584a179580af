import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { startBackend, toWeights } from './model/arrays.js';
import { type Kind, readBase } from './model/base-file.js';
import { IMAGE_LAYERS } from './model/image-model.js';
import { createImageSampler } from './model/image-sampler.js';
import { fromLoraFile, type Lora } from './model/lora.js';
import { TEXT_LAYERS } from './model/text-model.js';
import { createTextSampler } from './model/text-sampler.js';
import { decodeSafetensors } from './safetensors.js';
import { readImageBase, samplePicture } from './training/image-learner.js';

const ArgumentsSchema = z.object({
  base: z.enum(['image', 'text']).default('image'),
  lora: z.string().optional(),
  prompt: z.string(),
  seed: z.coerce.number().int().default(0),
  out: z.string().optional(),
});

/** The `generate` command: one prompt, with or without a LoRA. @returns the exit code */
export const runGenerate = async (argv: string[]): Promise<number> => {
  const { values } = parseArgs({
    args: argv,
    options: {
      base: { type: 'string' },
      lora: { type: 'string' },
      prompt: { type: 'string' },
      seed: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const parsed = ArgumentsSchema.safeParse(values);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  const { base: kind, lora: loraPath, prompt, seed, out } = parsed.data;

  await startBackend();
  const lora = await readLora(kind, loraPath);
  const scale = (layer: string): number => lora.scales[layer] ?? 0;
  if (kind === 'text') {
    const base = toWeights(await readBase(kind));
    const text = await createTextSampler(scale)({ base, lora: toWeights(lora.tensors), prompt, seed });
    if (out) await writeFile(out, `${text}\n`);
    else process.stdout.write(`${text}\n`);
    return 0;
  }
  const path = out ?? 'out.png';
  const { codec, base } = await readImageBase();
  await writeFile(path, await samplePicture({ sampler: createImageSampler(scale), base, codec, lora, prompt, seed }));
  process.stdout.write(`${path}\n`);
  return 0;
};

const readLora = async (kind: Kind, path: string | undefined): Promise<Lora> => {
  if (path === undefined) return { tensors: {}, scales: {} };
  return fromLoraFile(decodeSafetensors(await readFile(path)).tensors, kind === 'image' ? IMAGE_LAYERS : TEXT_LAYERS);
};
