import { nn, type numpy as np, tree } from '@jax-js/jax';
import { attention, feedForward, type LayerShape, linear, type LoraContext, normalize, weight } from './layers.js';

/** Bytes of UTF-8. */
export const VOCABULARY = 256;
/** Longest text the model sees at once, in bytes. */
export const CONTEXT = 64;
const TEXT_WIDTH = 128;
const TEXT_BLOCKS = 2;
const HEADS = 4;

/** Linear layers of the language model; each has weight and bias in the base and takes a LoRA pair. */
export const TEXT_LAYERS: readonly LayerShape[] = [
  { name: 'token_in', inputs: VOCABULARY, outputs: TEXT_WIDTH },
  ...Array.from({ length: TEXT_BLOCKS }, (_, block): LayerShape[] => [
    { name: `blocks_${block}_attn_qkv`, inputs: TEXT_WIDTH, outputs: TEXT_WIDTH * 3 },
    { name: `blocks_${block}_attn_out`, inputs: TEXT_WIDTH, outputs: TEXT_WIDTH },
    { name: `blocks_${block}_mlp_in`, inputs: TEXT_WIDTH, outputs: TEXT_WIDTH * 4 },
    { name: `blocks_${block}_mlp_out`, inputs: TEXT_WIDTH * 4, outputs: TEXT_WIDTH },
  ]).flat(),
  { name: 'token_out', inputs: TEXT_WIDTH, outputs: VOCABULARY },
];
/** Weights besides the linear layers. */
export const TEXT_EXTRAS: Readonly<Record<string, readonly number[]>> = { positions: [CONTEXT, TEXT_WIDTH] };

/** Bytes as int32 [n, CONTEXT]; `counted` is 1 where the target is text, 0 where it is padding. */
export type TextBatch = { input: np.Array; target: np.Array; counted: np.Array };

/** A pre-norm causal transformer over bytes (Radford et al. 2019, GPT-2). Consumes the input. @returns logits [n, CONTEXT, 256] */
export const predictBytes = (context: LoraContext, input: np.Array): np.Array => {
  let x = linear(context, 'token_in', nn.oneHot(input, VOCABULARY).mul(VOCABULARY ** 0.5)).add(
    weight(context.base, 'positions'),
  );
  for (let block = 0; block < TEXT_BLOCKS; block += 1) {
    x = x.ref.add(attention(context, `blocks_${block}_attn`, normalize(x), { heads: HEADS, isCausal: true }));
    x = x.ref.add(feedForward(context, `blocks_${block}_mlp`, normalize(x)));
  }
  return linear(context, 'token_out', normalize(x));
};

/** Mean cross-entropy in nats per counted byte. Consumes weights and batch. */
export const textLoss = (context: LoraContext, { input, target, counted }: TextBatch): np.Array => {
  const logProbabilities = nn.logSoftmax(predictBytes(context, input), -1);
  tree.dispose(context.lora);
  tree.dispose(context.base);
  const chosen = logProbabilities.mul(nn.oneHot(target, VOCABULARY)).sum(-1);
  return chosen.mul(counted.ref).sum().neg().div(counted.sum());
};
