import { keyedRandom } from '../random.js';
import type { Tensors } from '../safetensors.js';
import type { LayerShape } from './layers.js';

/** Trainable matrices of all layers, `<layer>.down` (rank × in) and `<layer>.up` (out × rank). */
export interface Lora {
  tensors: Tensors;
  /** alpha / rank, by layer. */
  scales: Record<string, number>;
}

const PREFIX = 'lora_unet_';

/** Rank of a layer: more than its narrower side would add nothing. */
export const effectiveRank = ({ inputs, outputs }: LayerShape, dim: number): number => Math.min(dim, inputs, outputs);

/** A random, B zero, so that training starts from the base's behaviour (Hu et al. 2021, section 4.1). */
export const createLora = (
  layers: readonly LayerShape[],
  options: { dim: number; alpha: number; seed: number },
): Lora => {
  const { dim, alpha, seed } = options;
  const lora: Lora = { tensors: {}, scales: {} };
  for (const layer of layers) {
    const { name, inputs, outputs } = layer;
    const rank = effectiveRank(layer, dim);
    const random = keyedRandom('lora', seed, name);
    // Uniform with variance 1 / inputs: A keeps the size of what it projects.
    const bound = (3 / inputs) ** 0.5;
    lora.tensors[`${name}.down`] = {
      shape: [rank, inputs],
      data: Float32Array.from({ length: rank * inputs }, () => (random.uniform() * 2 - 1) * bound),
    };
    lora.tensors[`${name}.up`] = { shape: [outputs, rank], data: new Float32Array(outputs * rank) };
    lora.scales[name] = alpha / dim;
  }
  return lora;
};

/** Under the names that kohya's scripts use. Alpha is stored so that alpha / rank is right for a clamped rank too. */
export const toLoraFile = ({ tensors, scales }: Lora): Tensors =>
  Object.fromEntries(
    Object.entries(scales).flatMap(([layer, scale]) => {
      const down = tensors[`${layer}.down`];
      const up = tensors[`${layer}.up`];
      if (!down || !up) throw new Error(`LoRA layer ${layer} is incomplete`);
      const alpha = { shape: [], data: Float32Array.of(scale * (down.shape[0] as number)) };
      return [
        [`${PREFIX}${layer}.lora_down.weight`, down],
        [`${PREFIX}${layer}.lora_up.weight`, up],
        [`${PREFIX}${layer}.alpha`, alpha],
      ];
    }),
  );

/** The reverse of {@link toLoraFile}. @throws when the file does not fit the layers */
export const fromLoraFile = (file: Tensors, layers: readonly LayerShape[]): Lora => {
  const lora: Lora = { tensors: {}, scales: {} };
  for (const { name, inputs, outputs } of layers) {
    const down = file[`${PREFIX}${name}.lora_down.weight`];
    const up = file[`${PREFIX}${name}.lora_up.weight`];
    const alpha = file[`${PREFIX}${name}.alpha`]?.data[0];
    const isFitting =
      down &&
      up &&
      alpha !== undefined &&
      down.shape[1] === inputs &&
      up.shape[0] === outputs &&
      down.shape[0] === up.shape[1];
    if (!isFitting) throw new Error(`the file holds no matching LoRA for layer ${name}`);
    lora.tensors[`${name}.down`] = down;
    lora.tensors[`${name}.up`] = up;
    lora.scales[name] = alpha / (down.shape[0] as number);
  }
  return lora;
};
