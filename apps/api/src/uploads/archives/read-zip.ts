import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import type { Storage } from '../../storage/storage.js';
import { refuseFile, tooLarge } from '../upload-limits.js';
import { type ArchiveEntry, type Inflation, refuseSpecial, tellingDamage } from './archive.js';

export interface ZipSource {
  /** As the client called it, for errors. */
  name: string;
  storage: Storage;
  /** Where the archive lies: its directory stands at its end, so that it cannot be read while it arrives. */
  key: string;
  sizeBytes: number;
  maxFiles: number;
  inflation: Inflation;
}

const FILE_TYPE = 0o170000;
const REGULAR = 0o100000;
const FOLDER = 0o040000;

/**
 * The entries of a stored zip archive. Its directory and what stands before each file must tell the same, and no two
 * files may share bytes: readers that believe the one or the other would see two different archives.
 * @throws AppError `validation_failed`, `upload_too_large`
 */
export async function* readZip(source: ZipSource): AsyncGenerator<ArchiveEntry> {
  yield* tellingDamage(readEntries(source), source.name);
}

async function* readEntries({ storage, key, sizeBytes, name, ...source }: ZipSource): AsyncGenerator<ArchiveEntry> {
  source.inflation.packedBytes = sizeBytes;
  const reader = new StorageReader(storage, key);
  const zip = await yauzl.fromRandomAccessReaderPromise(reader, sizeBytes, { decodeStrings: false, autoClose: false });
  if (zip.entryCount > source.maxFiles) throw tooLarge('it may have', `${source.maxFiles} files`);
  const places = new Places(name);
  for await (const entry of zip.eachEntry()) {
    const found = nameOf(entry);
    const fileDataStart = await checkEntry(zip, entry, found);
    places.add(entry.relativeOffsetOfLocalHeader, fileDataStart + entry.compressedSize);
    if (found.endsWith('/')) yield { name: found, type: 'folder' };
    else {
      const content = tellingDamage(
        inflate({ zip, entry, name: found, fileDataStart, inflation: source.inflation }),
        found,
      );
      yield { name: found, type: 'file', content };
    }
  }
  places.check();
}

/** @returns where the data of the file begins */
async function checkEntry(zip: yauzl.ZipFile, entry: yauzl.Entry, name: string): Promise<number> {
  if (entry.isEncrypted()) throw refuseFile(name, 'Encrypted archives cannot be unpacked.');
  if (!entry.canDecodeFileData()) throw refuseFile(name, 'Is packed in a way that is not supported; use "deflate".');
  const fileType = (entry.externalFileAttributes >>> 16) & FILE_TYPE;
  if (fileType !== 0 && fileType !== REGULAR && fileType !== FOLDER) throw refuseSpecial(name);
  const local = await zip.readLocalFileHeaderPromise(entry, {});
  const isSame = local.fileName.equals(entry.fileNameRaw) && local.compressionMethod === entry.compressionMethod;
  if (!isSame) throw refuseFile(name, 'The archive tells two different things about this file.');
  return local.fileDataStart;
}

interface Inflate {
  zip: yauzl.ZipFile;
  entry: yauzl.Entry;
  name: string;
  fileDataStart: number;
  inflation: Inflation;
}

async function* inflate({ zip, entry, name, fileDataStart, inflation }: Inflate): AsyncGenerator<Buffer> {
  let checksum = 0;
  for await (const chunk of await openData(zip, entry, fileDataStart)) {
    inflation.add(chunk.length);
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  if (checksum !== entry.crc32) throw refuseFile(name, 'Is damaged: the checksum does not match.');
}

/** The stream ends with an error when there is more or less in it than the entry says. */
function openData(zip: yauzl.ZipFile, entry: yauzl.Entry, fileDataStart: number): Promise<AsyncIterable<Buffer>> {
  const { compressedSize, uncompressedSize, compressionMethod } = entry;
  const isDeflated = compressionMethod !== 0;
  // yauzl 3.4 has a method that returns a promise, but it calls another one than it says.
  return new Promise((resolve, reject) =>
    zip.openReadStreamLowLevel(
      fileDataStart,
      compressedSize,
      0,
      compressedSize,
      isDeflated,
      uncompressedSize,
      (error, stream) => (error ? reject(error) : resolve(stream)),
    ),
  );
}

/** Without yauzl's own rules for names, which would stop at the first one with a message of its own. */
const nameOf = ({ generalPurposeBitFlag, fileNameRaw, extraFields }: yauzl.Entry): string =>
  yauzl.getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, true);

/** Which bytes of the archive belong to which file. */
class Places {
  private readonly places: [start: number, end: number][] = [];

  constructor(private readonly name: string) {}

  add(start: number, end: number): void {
    this.places.push([start, end]);
  }

  check(): void {
    this.places.sort(([a], [b]) => a - b);
    const overlaps = this.places.some(([start], index) => start < (this.places[index - 1]?.[1] ?? 0));
    if (overlaps) throw refuseFile(this.name, 'Two files of the archive share the same bytes.');
  }
}

class StorageReader extends yauzl.RandomAccessReader {
  constructor(
    private readonly storage: Storage,
    private readonly key: string,
  ) {
    super();
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return this.storage.read(this.key, { start, end: end - 1 });
  }
}
