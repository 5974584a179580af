import { createHash } from 'node:crypto';

/**
 * The id of a `part` of what has an id: always the same, so that whoever repeats the work finds what was made before. A
 * UUIDv8 (RFC 9562) that sorts by the time of the whole.
 */
export function derivedId(id: string, part: string): string {
  const bytes = createHash('sha256').update(`${part}/${id.toLowerCase()}`).digest().subarray(0, 16);
  bytes.write(id.replaceAll('-', '').slice(0, 12), 'hex');
  bytes[6] = (bytes.readUInt8(6) & 0x0f) | 0x80;
  bytes[8] = (bytes.readUInt8(8) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
