import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { z } from 'zod';

const EmojiSchema = z.object({
  name: z.string(),
  image: z.string(),
  short_name: z.string(),
  subcategory: z.string(),
  has_img_google: z.boolean(),
  skin_variations: z.record(z.string(), z.object({ image: z.string(), has_img_google: z.boolean() })).optional(),
});
export type Emoji = z.infer<typeof EmojiSchema>;

const SKIN: Record<string, string> = {
  '1F3FB': 'light skin',
  '1F3FC': 'medium-light skin',
  '1F3FD': 'medium skin',
  '1F3FE': 'medium-dark skin',
  '1F3FF': 'dark skin',
};
const PERSONS = /^person(-role|-gesture)?$/;
const FACES = /^face-(smiling|affection|neutral-skeptical|tongue|glasses|hat|concerned)$/;
const packageFolder = (): string =>
  dirname(createRequire(import.meta.url).resolve('emoji-datasource-google/package.json'));

export const readEmojiList = async (): Promise<Emoji[]> =>
  z.array(EmojiSchema).parse(JSON.parse(await readFile(join(packageFolder(), 'emoji.json'), 'utf8')));

/** "female-artist" → "woman artist": the wording people use in prompts. */
export const emojiCaption = ({ name, short_name: shortName, subcategory }: Emoji): string => {
  if (FACES.test(subcategory)) return `emoji ${name.toLowerCase()}`;
  const words = shortName
    .replaceAll(/[-_]/g, ' ')
    .replace(/\bfemale\b/, 'woman')
    .replace(/\bmale\b/, 'man');
  return words.includes('man') || words.includes('person') ? words : `person ${words}`;
};

export interface EmojiPicture {
  path: string;
  caption: string;
}

/** Persons in every skin tone and yellow faces, from the Noto pictures of emoji-datasource-google. */
export const listNotoPictures = async (): Promise<EmojiPicture[]> => {
  const chosen = (await readEmojiList()).filter(
    ({ subcategory }) => PERSONS.test(subcategory) || FACES.test(subcategory),
  );
  const folder = join(packageFolder(), 'img/google/64');
  return chosen.flatMap((emoji) => [
    { path: join(folder, emoji.image), caption: emojiCaption(emoji) },
    ...Object.entries(emoji.skin_variations ?? {})
      .filter(([tone, variation]) => tone in SKIN && variation.has_img_google)
      .map(([tone, { image }]) => ({ path: join(folder, image), caption: `${emojiCaption(emoji)}, ${SKIN[tone]}` })),
  ]);
};
