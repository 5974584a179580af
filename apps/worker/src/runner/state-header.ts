/*
 * The header of one file in the plain tar format (POSIX ustar). A size of 8 GiB or more does not fit its 11 octal
 * digits and is written as GNU tar does: a first byte of 0x80, then the number with its highest byte first.
 */

/** Bytes of a header; files are filled up to a multiple of it. */
export const BLOCK = 512;

const SIZE_AT = 124;
const SIZE_BYTES = 12;
const LARGEST_OCTAL = 0o77777777777;
const BINARY_MARK = 0x80;
/** As much as Buffer writes at once, and 256 TiB. */
const LARGEST_BINARY_BYTES = 6;

/** A path below the state, folder by folder a plain name: nothing hidden, nothing that climbs. */
const PLAIN_PATH = /^(?=.{1,99}$)[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/;

export interface ArchivedFile {
  /** Path in the archive. */
  name: string;
  sizeBytes: number;
}

/** @throws Error when the name is none that `parseHeader` takes */
export const encodeHeader = ({ name, sizeBytes }: ArchivedFile): Buffer => {
  if (!PLAIN_PATH.test(name)) throw new Error(`A state holds a file with an odd name: ${JSON.stringify(name)}`);
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  block.write('0000600\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  writeSize(block, sizeBytes);
  block.write('00000000000\0', 136);
  block.write('0', 156);
  block.write('ustar\u000000', 257);
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148);
  return block;
};

/** What a header that `encodeHeader` made says; undefined of any other. */
export const parseHeader = (block: Buffer): ArchivedFile | undefined => {
  const name = text(block.subarray(0, 100));
  if (!PLAIN_PATH.test(name) || block.toString('latin1', 156, 157) !== '0') return undefined;
  if (parseInt(text(block.subarray(148, 156)), 8) !== checksum(block)) return undefined;
  return { name, sizeBytes: readSize(block) };
};

const writeSize = (block: Buffer, sizeBytes: number): void => {
  if (sizeBytes <= LARGEST_OCTAL) {
    block.write(`${sizeBytes.toString(8).padStart(SIZE_BYTES - 1, '0')}\0`, SIZE_AT);
    return;
  }
  block[SIZE_AT] = BINARY_MARK;
  block.writeUIntBE(sizeBytes, SIZE_AT + SIZE_BYTES - LARGEST_BINARY_BYTES, LARGEST_BINARY_BYTES);
};

const readSize = (block: Buffer): number =>
  block[SIZE_AT] === BINARY_MARK
    ? block.readUIntBE(SIZE_AT + SIZE_BYTES - LARGEST_BINARY_BYTES, LARGEST_BINARY_BYTES)
    : parseInt(text(block.subarray(SIZE_AT, SIZE_AT + SIZE_BYTES)), 8);

/** Sum of the header's bytes, with its own field counted as spaces. */
const checksum = (block: Buffer): number =>
  block.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 0x20 : byte), 0);

const text = (field: Buffer): string => field.toString('latin1').split('\0')[0]!.trim();
