import { startBackend, toWeights } from './model/arrays.js';
import { type Kind, readBase } from './model/base-file.js';
import { IMAGE_LAYERS } from './model/image-model.js';
import { createImageSampler } from './model/image-sampler.js';
import { fromLoraFile, type Lora } from './model/lora.js';
import { TEXT_LAYERS } from './model/text-model.js';
import { createTextSampler } from './model/text-sampler.js';
import { decodeSafetensors } from './safetensors.js';
import { readImageBase, samplePicture } from './training/image-learner.js';

/** One prompt for a base model, with or without a LoRA. */
export interface Generation {
  kind: Kind;
  prompt: string;
  seed: number;
  lora: Lora;
  /** Longest text that is added to the prompt. */
  maxBytes?: number;
}

/** The base model by itself. */
export const NO_LORA: Lora = { tensors: {}, scales: {} };

/** @throws when the bytes are no safetensors, or hold no LoRA for this kind of model */
export const readLora = (kind: Kind, file: Uint8Array): Lora =>
  fromLoraFile(decodeSafetensors(file).tensors, kind === 'image' ? IMAGE_LAYERS : TEXT_LAYERS);

/** A PNG file, or the prompt with what follows it as UTF-8. */
export const generate = async ({ kind, prompt, seed, lora, maxBytes }: Generation): Promise<Uint8Array> => {
  await startBackend();
  const scale = (layer: string): number => lora.scales[layer] ?? 0;
  if (kind === 'text') {
    const base = toWeights(await readBase(kind));
    const options = { base, lora: toWeights(lora.tensors), prompt, seed, maxBytes };
    return new TextEncoder().encode(await createTextSampler(scale)(options));
  }
  const { codec, base } = await readImageBase();
  return samplePicture({ sampler: createImageSampler(scale), base, codec, lora, prompt, seed });
};
