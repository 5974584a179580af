import { mkdir, writeFile } from 'node:fs/promises';
import { batchIndices } from '../data/batches.js';
import { embedCaption } from '../data/captions.js';
import { readPicture } from '../data/pictures.js';
import { startBackend } from '../model/arrays.js';
import { type Codec, createCodec } from '../model/codec.js';
import { compileGradient } from '../model/gradient.js';
import { CAPTION_WIDTH, IMAGE_LAYERS } from '../model/image-model.js';
import { type ImageBatch, imageBatch, imageLoss, type PictureExample } from '../model/image-objective.js';
import { keyedRandom, type Random } from '../random.js';
import { encodeSafetensors, type Numbers, type Tensors } from '../safetensors.js';
import { fitCodec } from './fit-codec.js';
import { listFluentPersons, randomBackdrop } from './fluent-pictures.js';
import { initialWeights } from './initial-weights.js';
import { listNotoPictures } from './noto-pictures.js';
import { pretrain } from './pretraining.js';

/** Pretrains the image base: `node dist/base/pretrain-image.js [steps] [folder]`. Seeded; writes `image.safetensors` (F16). */
const STEPS = Number(process.argv[2] ?? 4500);
const FOLDER = process.argv[3] ?? 'base';
const SEED = 1;
const BATCH_SIZE = 128;
const PEAK_LEARNING_RATE = 2e-3;
const FOCUS = { timeSkew: 1.3, weightCap: 400 };

interface CaptionedLatent {
  latent: Numbers;
  caption: string;
}

const main = async (): Promise<void> => {
  await startBackend();
  const codecTensors = await pretrainCodec();
  const pictures = await readExamples(createCodec(codecTensors));
  console.log(`${pictures.length} pictures, ${STEPS} steps of ${BATCH_SIZE}`);
  const compiled = compileGradient<ImageBatch>((base, _, batch) =>
    imageLoss({ base, lora: {}, scale: () => 0 }, batch),
  );
  const { averaged, loss } = await pretrain({
    parameters: initialWeights(IMAGE_LAYERS, {}, SEED),
    steps: STEPS,
    peakLearningRate: PEAK_LEARNING_RATE,
    gradient: (parameters, step) => {
      const indices = batchIndices({ seed: SEED, step, examples: pictures.length, batchSize: BATCH_SIZE });
      const random = keyedRandom('noise', SEED, step);
      const examples = indices.map((index) => withStrangeWords(pictures[index] as CaptionedLatent, random));
      return compiled(parameters, {}, imageBatch(examples, random, FOCUS));
    },
  });
  const metadata = {
    name: 'tiny-image-v1',
    steps: String(STEPS),
    seed: String(SEED),
    loss: loss.toFixed(4),
    data: 'Noto Emoji (Apache-2.0); codec also Fluent Emoji (MIT)',
  };
  await mkdir(FOLDER, { recursive: true });
  await writeFile(`${FOLDER}/image.safetensors`, encodeSafetensors({ ...codecTensors, ...averaged }, metadata, 'F16'));
};

/** Noto and Fluent persons, on white and on random backdrops, so that the codec can show other styles than the denoiser knows. */
const pretrainCodec = async (): Promise<Tensors> => {
  const random = keyedRandom('backdrop', SEED);
  const paths = [...(await listNotoPictures()).map(({ path }) => path), ...(await listFluentPersons())];
  const pictures = await Promise.all(
    paths.flatMap((path) => [readPicture(path), readPicture(path, randomBackdrop(random))]),
  );
  return fitCodec(pictures, SEED);
};

/** Half of the captions get up to three made-up words, so that the base keeps its composure at words it never saw. */
const withStrangeWords = ({ latent, caption }: CaptionedLatent, random: Random): PictureExample => {
  const count = random.uniform() < 0.5 ? 0 : 1 + random.below(3);
  const words = Array.from({ length: count }, () => `strange${random.below(1_000_000)}`);
  return { latent, caption: embedCaption([caption, ...words].join(' '), CAPTION_WIDTH) };
};

const readExamples = async (codec: Codec): Promise<CaptionedLatent[]> =>
  Promise.all(
    (await listNotoPictures()).map(async ({ path, caption }) => ({
      latent: codec.encode(await readPicture(path)),
      caption,
    })),
  );

await main();
