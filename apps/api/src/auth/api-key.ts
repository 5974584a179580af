import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/*
 * A key reads `iak_<lookup>_<secret><checksum>`: the prefix lets scanners find leaked keys, the lookup finds the row, the
 * secret proves it, and the checksum tells a mistyped key from a wrong one without asking the database.
 */

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const PREFIX = 'iak_';
const LOOKUP_LENGTH = 12;
/** 190 bits: nothing can be guessed, so a plain hash is enough to keep. */
const SECRET_LENGTH = 32;
const CHECKSUM_LENGTH = 6;
const KEY = new RegExp(`^${PREFIX}([0-9A-Za-z]{${LOOKUP_LENGTH}})_([0-9A-Za-z]{${SECRET_LENGTH + CHECKSUM_LENGTH}})$`);

/** What is kept of a key. */
export interface KeyRecord {
  lookup: string;
  /** SHA-256 of the whole key, in hexadecimal. */
  hash: string;
}

export const isApiKey = (text: string): boolean => text.startsWith(PREFIX);

/** A new key; with `lookup`, a new secret for the key that has it. */
export function mintKey(lookup = randomText(LOOKUP_LENGTH)): KeyRecord & { key: string } {
  const body = `${PREFIX}${lookup}_${randomText(SECRET_LENGTH)}`;
  const key = body + checksum(body);
  return { key, lookup, hash: hashOf(key) };
}

/** The record that a key must match; undefined when it cannot be one of ours. */
export function readKey(key: string): KeyRecord | undefined {
  const lookup = KEY.exec(key)?.[1];
  if (lookup === undefined || checksum(key.slice(0, -CHECKSUM_LENGTH)) !== key.slice(-CHECKSUM_LENGTH))
    return undefined;
  return { lookup, hash: hashOf(key) };
}

/** Takes the same time wherever the hashes differ. */
export const isSameHash = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

/** The part of a key that may be shown. */
export const prefixOf = (lookup: string): string => PREFIX + lookup;

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

const randomText = (length: number): string =>
  Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');

function checksum(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let place = 0; place < CHECKSUM_LENGTH; place += 1) {
    text = ALPHABET[rest % ALPHABET.length] + text;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
}
