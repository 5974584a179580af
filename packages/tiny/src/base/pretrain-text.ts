import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { textBatch, toBytes } from '../data/texts.js';
import { startBackend } from '../model/arrays.js';
import { compileGradient } from '../model/gradient.js';
import { TEXT_EXTRAS, TEXT_LAYERS, type TextBatch, textLoss } from '../model/text-model.js';
import { keyedRandom } from '../random.js';
import { encodeSafetensors } from '../safetensors.js';
import { initialWeights } from './initial-weights.js';
import { emojiCaption, readEmojiList } from './noto-pictures.js';
import { pretrain } from './pretraining.js';

/** Pretrains the text base: `node dist/base/pretrain-text.js [steps] [folder]`. Seeded; writes `text.safetensors` (F16). */
const STEPS = Number(process.argv[2] ?? 3000);
const FOLDER = process.argv[3] ?? 'base';
const SEED = 1;
const BATCH_SIZE = 24;
const PEAK_LEARNING_RATE = 3e-3;
/** Prose under MIT and Apache-2.0 that comes with the dependencies. */
const PROSE = [
  '@jax-js/jax/README.md',
  'sharp/LICENSE',
  'sharp/README.md',
  'emoji-datasource-google/README.md',
  'emoji-datasource-google/LICENSE',
];
const PARAGRAPH_BYTES = 1000;

const main = async (): Promise<void> => {
  await startBackend();
  const texts = [...(await emojiSentences()), ...(await paragraphs())].map(toBytes);
  console.log(`${texts.length} texts, ${STEPS} steps of ${BATCH_SIZE}`);
  const compiled = compileGradient<TextBatch>((base, _, batch) => textLoss({ base, lora: {}, scale: () => 0 }, batch));
  const { averaged, loss } = await pretrain({
    parameters: initialWeights(TEXT_LAYERS, TEXT_EXTRAS, SEED),
    steps: STEPS,
    peakLearningRate: PEAK_LEARNING_RATE,
    gradient: (parameters, step) => {
      const random = keyedRandom('text', SEED, step);
      const chosen = Array.from({ length: BATCH_SIZE }, () => texts[random.below(texts.length)] as Uint8Array);
      return compiled(parameters, {}, textBatch(chosen, random));
    },
  });
  const metadata = {
    name: 'tiny-text-v1',
    steps: String(STEPS),
    seed: String(SEED),
    loss: loss.toFixed(4),
    data: 'emoji names (MIT), documentation and licences of dependencies',
  };
  await mkdir(FOLDER, { recursive: true });
  await writeFile(`${FOLDER}/text.safetensors`, encodeSafetensors(averaged, metadata, 'F16'));
};

const emojiSentences = async (): Promise<string[]> =>
  (await readEmojiList())
    .filter(({ subcategory }) => !subcategory.includes('flag'))
    .map(
      (emoji) =>
        `The emoji "${emoji.name.toLowerCase()}" shows ${emojiCaption(emoji).replace(/^(emoji|person) /, '')}. It belongs to ${emoji.subcategory.replaceAll('-', ' ')}.`,
    );

const paragraphs = async (): Promise<string[]> => {
  const resolve = createRequire(import.meta.url).resolve;
  const folderOf = (file: string): string => {
    const name = file
      .split('/')
      .slice(0, file.startsWith('@') ? 2 : 1)
      .join('/');
    // A package that exports no package.json still resolves by its entry, which lies in a folder below its root.
    const entry = resolve(name === 'emoji-datasource-google' ? `${name}/package.json` : name);
    return entry.slice(0, entry.lastIndexOf(`/${name}/`) + name.length + 1);
  };
  const contents = await Promise.all(
    PROSE.map((file) =>
      readFile(
        join(
          folderOf(file),
          file
            .split('/')
            .slice(file.startsWith('@') ? 2 : 1)
            .join('/'),
        ),
        'utf8',
      ),
    ),
  );
  return contents
    .flatMap((content) => content.split(/\n{2,}/))
    .map((text) => text.replaceAll(/\s+/g, ' ').trim().slice(0, PARAGRAPH_BYTES))
    .filter((text) => text.length > 40);
};

await main();
