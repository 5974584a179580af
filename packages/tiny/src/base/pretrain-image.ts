import { mkdir, writeFile } from 'node:fs/promises';
import { jit, type numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { batchIndices } from '../data/batches.js';
import { embedCaption } from '../data/captions.js';
import { renderPicture } from '../data/pictures.js';
import { readNumbers, startBackend, toWeights } from '../model/arrays.js';
import { CAPTION_WIDTH, IMAGE_EXTRAS, IMAGE_LAYERS } from '../model/image-model.js';
import { type ImageBatch, imageBatch, imageLoss } from '../model/image-objective.js';
import { createImageSampler } from '../model/image-sampler.js';
import type { Weights } from '../model/layers.js';
import { keyedRandom } from '../random.js';
import { encodeSafetensors, type Tensors, type Numbers } from '../safetensors.js';
import { adamwStep, emptyAdamState } from '../training/adamw.js';
import { initialWeights } from './initial-weights.js';
import { readNotoPictures } from './noto-pictures.js';

/**
 * Pretrains the image base: `node dist/base/pretrain-image.js [steps] [folder]`. Seeded; ends with `image.safetensors` (F16)
 * of the averaged weights and a few pictures to look at.
 */
const STEPS = Number(process.argv[2] ?? 4400);
const FOLDER = process.argv[3] ?? 'base';
const SEED = 1;
const BATCH_SIZE = 16;
const PEAK_LEARNING_RATE = 2e-3;
const WARMUP_STEPS = 100;
const AVERAGING = 0.995;
const REPORT_EVERY = 100;
const PROMPTS = ['woman, medium-dark skin', 'woman artist, medium skin', 'man cook, light skin', 'emoji grinning face'];

const main = async (): Promise<void> => {
  await startBackend();
  const pictures = await readNotoPictures();
  console.log(`${pictures.length} pictures, ${STEPS} steps of ${BATCH_SIZE}`);
  const parameters = initialWeights(IMAGE_LAYERS, IMAGE_EXTRAS, SEED);
  const averaged = structuredClone(parameters);
  const state = emptyAdamState(parameters);
  const scale = (): number => 0;
  const gradient = jit((base: Weights, batch: ImageBatch) =>
    valueAndGrad((weights: Weights, inputs: ImageBatch) => imageLoss({ base: weights, lora: {}, scale }, inputs))(base, batch),
  );

  let lossSum = 0;
  for (let step = 1; step <= STEPS; step += 1) {
    const indices = batchIndices({ seed: SEED, step, examples: pictures.length, batchSize: BATCH_SIZE });
    const batch = imageBatch(indices.map((index) => pictures[index] as (typeof pictures)[number]), keyedRandom('noise', SEED, step));
    const [loss, arrays] = gradient(toWeights(parameters), batch) as [np.Array, Weights];
    lossSum += (await readNumbers(loss))[0] as number;
    const gradients = Object.fromEntries(await Promise.all(Object.entries(arrays).map(async ([name, array]) => [name, await readNumbers(array)] as const)));
    const progress = Math.max(0, step - WARMUP_STEPS) / (STEPS - WARMUP_STEPS);
    const learningRate = PEAK_LEARNING_RATE * Math.min(1, step / WARMUP_STEPS) * (0.02 + 0.98 * 0.5 * (1 + Math.cos(Math.PI * progress)));
    adamwStep({ parameters, gradients, state, step, learningRate, weightDecay: 0.01 });
    average(averaged, parameters, Math.min(AVERAGING, step / (step + 10)));
    if (step % REPORT_EVERY === 0) {
      console.log(`step ${step} loss ${(lossSum / REPORT_EVERY).toFixed(4)} cpu ${(process.cpuUsage().user / 1e6).toFixed(0)} s`);
      lossSum = 0;
    }
    if (step % 1000 === 0 || step === STEPS) await save(averaged, step);
  }
};

const average = (averaged: Tensors, parameters: Tensors, keep: number): void => {
  for (const [name, { data }] of Object.entries(averaged)) {
    const current = parameters[name]?.data as Numbers;
    for (let i = 0; i < data.length; i += 1) data[i] = keep * (data[i] as number) + (1 - keep) * (current[i] as number);
  }
};

const save = async (averaged: Tensors, step: number): Promise<void> => {
  await mkdir(FOLDER, { recursive: true });
  const metadata = { name: 'tiny-image-v1', steps: String(step), seed: String(SEED), data: 'Noto Emoji (Apache-2.0)' };
  await writeFile(`${FOLDER}/image.safetensors`, encodeSafetensors(averaged, metadata, 'F16'));
  const base = toWeights(averaged);
  const sample = createImageSampler(() => 0);
  for (const [index, prompt] of PROMPTS.entries()) {
    const patches = await sample({ base, lora: {}, caption: embedCaption(prompt, CAPTION_WIDTH), seed: index });
    await mkdir(`${FOLDER}/preview`, { recursive: true });
    await writeFile(`${FOLDER}/preview/${step}-${index}.png`, await renderPicture(patches));
  }
  tree.dispose(base);
};

await main();
