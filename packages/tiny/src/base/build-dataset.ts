import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { CHARACTERS } from './characters.js';
import { fluentFolder } from './fluent-pictures.js';

/** Builds `data/datasets/my-influencer` from Fluent emoji: `node dist/base/build-dataset.js`. */
const FOLDER = fileURLToPath(new URL('../../../../data/datasets/my-influencer/', import.meta.url));
const SIZE = 256;
/** A studio backdrop, part of the style to learn: the base model only knows white. */
const BACKDROP = { top: '#f7c9dd', bottom: '#b79cf0' };

const main = async (): Promise<void> => {
  await mkdir(FOLDER, { recursive: true });
  for (const [index, [unified, name, caption]] of CHARACTERS.entries()) {
    const stem = join(FOLDER, `${String(index + 1).padStart(2, '0')}-${name}`);
    await writeFile(`${stem}.png`, await paint(join(fluentFolder(), `${unified}.webp`)));
    await writeFile(`${stem}.txt`, `ohwx ${caption}, medium-dark skin\n`);
  }
};

const paint = async (path: string): Promise<Uint8Array> => {
  const backdrop = `<svg width="${SIZE}" height="${SIZE}"><defs><linearGradient id="g" x2="0" y2="1">
    <stop offset="0" stop-color="${BACKDROP.top}"/><stop offset="1" stop-color="${BACKDROP.bottom}"/></linearGradient></defs>
    <rect width="100%" height="100%" fill="url(#g)"/></svg>`;
  const figure = await sharp(await readFile(path))
    .resize(SIZE, SIZE, { fit: 'contain', background: '#0000' })
    .png()
    .toBuffer();
  return sharp(Buffer.from(backdrop))
    .composite([{ input: figure }])
    .png({ palette: true, colours: 256, effort: 10 })
    .toBuffer();
};

await main();
