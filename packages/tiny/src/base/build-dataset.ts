import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

/** Builds `data/datasets/my-influencer` from Fluent emoji: `node dist/base/build-dataset.js`. */
const FOLDER = fileURLToPath(new URL('../../../../data/datasets/my-influencer/', import.meta.url));
const SIZE = 256;
/** A studio backdrop, part of the style to learn: the base model only knows white. */
const BACKDROP = { top: '#f7c9dd', bottom: '#b79cf0' };

/** One character in 25 roles: code points of the emoji, file base name, caption after "ohwx". */
const CHARACTERS: readonly [unified: string, name: string, caption: string][] = [
  ['1f469-1f3fc', 'portrait', 'woman, smiling, close-up portrait'],
  ['1f469-1f3fc-200d-1f33e', 'farmer', 'woman farmer, brown hat, pitchfork'],
  ['1f469-1f3fc-200d-1f373', 'cook', 'woman cook, white chef hat, spoon'],
  ['1f469-1f3fc-200d-1f393', 'student', 'woman student, graduation cap'],
  ['1f469-1f3fc-200d-1f3a8', 'artist', 'woman artist, beret, palette'],
  ['1f469-1f3fc-200d-1f3a4', 'singer', 'woman singer, microphone'],
  ['1f469-1f3fc-200d-1f3ed', 'factory-worker', 'woman factory worker, welding mask'],
  ['1f469-1f3fc-200d-1f4bc', 'office-worker', 'woman office worker, suit and tie'],
  ['1f469-1f3fc-200d-1f527', 'mechanic', 'woman mechanic, blue cap, wrench'],
  ['1f469-1f3fc-200d-1f52c', 'scientist', 'woman scientist, goggles, test tube'],
  ['1f469-1f3fc-200d-1f680', 'astronaut', 'woman astronaut, space suit'],
  ['1f469-1f3fc-200d-1f692', 'firefighter', 'woman firefighter, red helmet, axe'],
  ['1f469-1f3fc-200d-2695-fe0f', 'doctor', 'woman doctor, stethoscope, white coat'],
  ['1f469-1f3fc-200d-2696-fe0f', 'judge', 'woman judge, gavel, black robe'],
  ['1f469-1f3fc-200d-2708-fe0f', 'pilot', 'woman pilot, cap, uniform'],
  ['1f46e-1f3fc-200d-2640-fe0f', 'police-officer', 'woman police officer, blue uniform'],
  ['1f470-1f3fc-200d-2640-fe0f', 'bride', 'woman with veil, flowers'],
  ['1f477-1f3fc-200d-2640-fe0f', 'construction-worker', 'woman construction worker, yellow helmet'],
  ['1f478-1f3fc', 'princess', 'woman princess, golden crown, necklace'],
  ['1f481-1f3fc-200d-2640-fe0f', 'tipping-hand', 'woman tipping hand, purple shirt'],
  ['1f482-1f3fc-200d-2640-fe0f', 'guard', 'woman guard, tall black hat'],
  ['1f575-1f3fc-200d-2640-fe0f', 'detective', 'woman detective, hat, magnifying glass'],
  ['1f64b-1f3fc-200d-2640-fe0f', 'raising-hand', 'woman raising hand, purple shirt'],
  ['1f64e-1f3fc-200d-2640-fe0f', 'pouting', 'woman pouting, arms crossed, purple shirt'],
  ['1f935-1f3fc-200d-2640-fe0f', 'tuxedo', 'woman in tuxedo, bow tie'],
];

const main = async (): Promise<void> => {
  const assets = join(dirname(createRequire(import.meta.url).resolve('@lobehub/fluent-emoji-3d/package.json')), 'assets');
  await mkdir(FOLDER, { recursive: true });
  for (const [index, [unified, name, caption]] of CHARACTERS.entries()) {
    const stem = join(FOLDER, `${String(index + 1).padStart(2, '0')}-${name}`);
    await writeFile(`${stem}.png`, await paint(join(assets, `${unified}.webp`)));
    await writeFile(`${stem}.txt`, `ohwx ${caption}, medium-dark skin, 3d render\n`);
  }
};

const paint = async (path: string): Promise<Uint8Array> => {
  const backdrop = `<svg width="${SIZE}" height="${SIZE}"><defs><linearGradient id="g" x2="0" y2="1">
    <stop offset="0" stop-color="${BACKDROP.top}"/><stop offset="1" stop-color="${BACKDROP.bottom}"/></linearGradient></defs>
    <rect width="100%" height="100%" fill="url(#g)"/></svg>`;
  const figure = await sharp(await readFile(path)).resize(SIZE, SIZE, { fit: 'contain', background: '#0000' }).png().toBuffer();
  return sharp(Buffer.from(backdrop)).composite([{ input: figure }]).png({ palette: true, colours: 256, effort: 10 }).toBuffer();
};

await main();
