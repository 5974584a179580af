/** Long enough for an answer, short enough for the input of common embedding models. */
export const CHUNK_CHARACTERS = 1000;

/** A row of the dataset, or a part of a long one. */
export interface Chunk {
  /** The row's number, from 1. */
  row: number;
  text: string;
}

/** Parts of a text, of at most `size` characters, cut between words where there are any. */
export const cut = (text: string, size = CHUNK_CHARACTERS): string[] => {
  const parts: string[] = [];
  let rest = text.trim();
  while (rest.length > size) {
    const end = endOf(rest, size);
    parts.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return rest === '' ? parts : [...parts, rest];
};

/** After a paragraph or a sentence of the second half, else after a word, else anywhere but within a character. */
const endOf = (text: string, size: number): number => {
  const head = text.slice(0, size + 1);
  for (const border of BORDERS) {
    const last = [...head.matchAll(border)].at(-1);
    const end = last ? last.index + last[0].length : 0;
    if (end > size / 2 && end <= size) return end;
  }
  const isWithinCharacter = /[\uD800-\uDBFF]/.test(text.charAt(size - 1));
  return isWithinCharacter && size > 1 ? size - 1 : size;
};

const BORDERS = [/\n\s*\n/g, /[.!?。！？](?=\s|$)|[。！？]/g, /\s+(?=\S)/g];
