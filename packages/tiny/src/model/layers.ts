import { nn, numpy as np } from '@jax-js/jax';

/** Named weights of a model, or LoRA matrices. Arrays are reference counted: read with `.ref`, see the jax-js README. */
export type Weights = Record<string, np.Array>;

export interface LoraContext {
  base: Weights;
  /** `<layer>.down` is rank × in, `<layer>.up` out × rank. Layers without an entry run on the frozen base alone. */
  lora: Weights;
  /** alpha / rank of each layer. */
  scale(layer: string): number;
}

/**
 * y = xW + b + (alpha / rank) · x Aᵀ Bᵀ, the low-rank update of Hu et al. 2021 (LoRA, arXiv:2106.09685, section 4.1).
 * Consumes `x`, which ends in the layer's input width.
 */
export const linear = ({ base, lora, scale }: LoraContext, layer: string, x: np.Array): np.Array => {
  const down = lora[`${layer}.down`];
  const up = lora[`${layer}.up`];
  const frozen = np.matmul(down && up ? x.ref : x, weight(base, `${layer}.weight`)).add(weight(base, `${layer}.bias`));
  if (!down || !up) return frozen;
  const update = np.matmul(np.matmul(x, down.ref.transpose()), up.ref.transpose());
  return frozen.add(update.mul(scale(layer)));
};

/** One more reference to a weight. @throws when the model file lacks it */
export const weight = (weights: Weights, name: string): np.Array => {
  const found = weights[name];
  if (!found) throw new Error(`weight ${name} is missing`);
  return found.ref;
};

/** Multi-head self-attention over [batch, tokens, width]. Consumes `x`. */
export const attention = (
  context: LoraContext,
  layer: string,
  x: np.Array,
  options: { heads: number; isCausal: boolean },
): np.Array => {
  const [batch, tokens, width] = x.shape as [number, number, number];
  const { heads, isCausal } = options;
  const [query, key, value] = np
    .split(linear(context, `${layer}_qkv`, x), 3, -1)
    .map((part) => part.reshape([batch, tokens, heads, width / heads])) as [np.Array, np.Array, np.Array];
  const mixed = nn.dotProductAttention(query, key, value, { isCausal }).reshape([batch, tokens, width]);
  return linear(context, `${layer}_out`, mixed);
};

/** Two linear layers with a SiLU between. Consumes `x`. */
export const feedForward = (context: LoraContext, layer: string, x: np.Array): np.Array =>
  linear(context, `${layer}_out`, silu(linear(context, `${layer}_in`, x)));

/** x · sigmoid(x). The library's own has a NaN gradient below −88, where exp overflows; sigmoid is flat long before that. */
export const silu = (x: np.Array): np.Array => x.ref.mul(nn.sigmoid(np.clip(x, -30, 30)));

/**
 * Layer norm without learned scale or shift (those come from the condition, or are not needed at this size). Centred before
 * squaring: the library's `standardize` subtracts squares, which can turn negative and NaN.
 */
export const normalize = (x: np.Array): np.Array => {
  const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  return centred.div(np.sqrt(variance.add(1e-5)));
};

/** Width of each LoRA layer: what the matrices need. */
export interface LayerShape {
  name: string;
  inputs: number;
  outputs: number;
  /** Start at zero, so that the layer is silent at first (adaLN-Zero, Peebles & Xie 2022, arXiv:2212.09748). */
  startsAtZero?: boolean;
}
