import { stripVTControlCharacters } from 'node:util';

/** Terminal colours mean nothing in a log, and a database takes neither NUL nor half a character. */
export const cleanText = (text: string): string => stripVTControlCharacters(text).replaceAll('\0', '').toWellFormed();
