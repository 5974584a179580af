import { tree } from '@jax-js/jax';
import type { TinyConfig } from '../config.js';
import { batchIndices } from '../data/batches.js';
import { textBatch, toBytes } from '../data/texts.js';
import { toWeights } from '../model/arrays.js';
import { readBase } from '../model/base-file.js';
import { compileGradient } from '../model/gradient.js';
import { TEXT_LAYERS, type TextBatch, textLoss } from '../model/text-model.js';
import { createTextSampler } from '../model/text-sampler.js';
import { keyedRandom } from '../random.js';
import type { Learner } from './learner.js';

/** Windows per row and step: steadies the loss as noise levels do for pictures. */
const WINDOWS = 4;

type TextConfig = Extract<TinyConfig, { kind: 'text' }>;

export const createTextLearner = async (config: TextConfig): Promise<Learner> => {
  const rows = config.dataset.rows.map(toBytes);
  const base = toWeights(await readBase('text'));
  const { batchSize, seed } = config.training;
  const scale = (): number => config.network.alpha / config.network.dim;
  const gradient = compileGradient<TextBatch>((lora, frozen, batch) => textLoss({ base: frozen, lora, scale }, batch));
  const sampler = createTextSampler(scale);

  return {
    kind: 'text',
    layers: TEXT_LAYERS,
    examples: rows.length,
    step: (lora, step) => {
      const chosen = batchIndices({ seed, step, examples: rows.length, batchSize }).map(
        (index) => rows[index] as Uint8Array,
      );
      const repeated = Array.from({ length: WINDOWS }, () => chosen).flat();
      return gradient(lora.tensors, base, textBatch(repeated, keyedRandom('window', seed, step)));
    },
    sample: async (lora, prompt, sampleSeed) => {
      const weights = toWeights(lora.tensors);
      const text = await sampler({ base, lora: weights, prompt, seed: sampleSeed });
      tree.dispose(weights);
      return { extension: 'txt', content: new TextEncoder().encode(`${text}\n`) };
    },
  };
};
