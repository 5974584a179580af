import { crc32, deflateRawSync } from 'node:zlib';

/** One file of a zip archive; every field after `content` makes it lie. */
export interface ZipEntry {
  name: string;
  content?: string | Buffer;
  /** What stands before the data, in place of `name`. */
  localName?: string;
  isStored?: boolean;
  isEncrypted?: boolean;
  method?: number;
  /** Unix type and permissions. */
  mode?: number;
  checksum?: number;
  uncompressedSize?: number;
  /** Names a place among the bytes before as its own and adds none. */
  at?: number;
}

const VERSION = 20;
const ENCRYPTED = 1;
const UTF8 = 0x800;

/** A zip archive, byte by byte, so that it can be wrong in any way. */
export function zipFile(entries: readonly ZipEntry[]): Buffer {
  const chunks: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const data = Buffer.from(entry.content ?? '');
    const packed = entry.isStored ? data : deflateRawSync(data);
    const fields = {
      flags: UTF8 | (entry.isEncrypted ? ENCRYPTED : 0),
      method: entry.method ?? (entry.isStored ? 0 : 8),
      checksum: entry.checksum ?? crc32(data),
      packedSize: packed.length,
      size: entry.uncompressedSize ?? data.length,
    };
    const place = { offset: entry.at ?? offset, mode: entry.mode ?? 0o100644 };
    directory.push(centralHeader(entry.name, fields, place));
    if (entry.at !== undefined) continue;
    const local = Buffer.concat([localHeader(entry.localName ?? entry.name, fields), packed]);
    chunks.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...chunks, central, end]);
}

interface Fields {
  flags: number;
  method: number;
  checksum: number;
  packedSize: number;
  size: number;
}

function localHeader(name: string, fields: Fields): Buffer {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(VERSION, 4);
  writeFields(header, 6, fields);
  header.writeUInt16LE(Buffer.byteLength(name), 26);
  return Buffer.concat([header, Buffer.from(name)]);
}

function centralHeader(name: string, fields: Fields, { offset, mode }: { offset: number; mode: number }): Buffer {
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE((3 << 8) | VERSION, 4);
  header.writeUInt16LE(VERSION, 6);
  writeFields(header, 8, fields);
  header.writeUInt16LE(Buffer.byteLength(name), 28);
  header.writeUInt32LE((mode << 16) >>> 0, 38);
  header.writeUInt32LE(offset, 42);
  return Buffer.concat([header, Buffer.from(name)]);
}

/** Flags, method, date, checksum and sizes stand in both headers in this order. */
function writeFields(header: Buffer, at: number, { flags, method, checksum, packedSize, size }: Fields): void {
  header.writeUInt16LE(flags, at);
  header.writeUInt16LE(method, at + 2);
  header.writeUInt32LE(checksum, at + 8);
  header.writeUInt32LE(packedSize, at + 12);
  header.writeUInt32LE(size, at + 16);
}
