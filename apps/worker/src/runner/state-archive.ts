import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { openInside } from './open-inside.js';
import { BLOCK, encodeHeader, parseHeader, type ArchivedFile } from './state-header.js';

/*
 * A state travels between hosts as one file: the plain tar format (POSIX ustar), uncompressed since weights do not
 * compress. `tar -xf` reads it.
 */

const COPY_BYTES = 1 << 20;

export interface PackInput {
  /** Folder, or one file. */
  source: string;
  /** The trainer's folder; nothing that lies outside is packed, whatever links say. */
  root: string;
  /** File to make. */
  archive: string;
}

/** Packs the files of a state into an archive. */
export const packState = async ({ source, root, archive }: PackInput): Promise<void> => {
  await mkdir(dirname(archive), { recursive: true });
  const partial = `${archive}.partial`;
  try {
    await writeArchive(partial, root, await filesOf(source));
    await rename(partial, archive);
  } finally {
    await rm(partial, { force: true });
  }
};

const writeArchive = async (archive: string, root: string, files: StateFile[]): Promise<void> => {
  await using out = await open(archive, 'w');
  for (const { name, file } of files) {
    await using input = await openInside(root, file);
    await appendFile(out, name, input);
  }
  await out.writeFile(Buffer.alloc(2 * BLOCK));
};

/** Unpacks an archive that `packState` made into a folder; anything else in it is refused. */
export const unpackState = async (archive: string, folder: string): Promise<void> => {
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const input = await open(archive, 'r');
  try {
    for (let offset = 0; ;) {
      const entry = await readHeader(input, offset);
      if (!entry) break;
      await mkdir(dirname(join(partial, entry.name)), { recursive: true });
      await extract(input, offset + BLOCK, entry.sizeBytes, join(partial, entry.name));
      offset += BLOCK + padded(entry.sizeBytes);
    }
  } finally {
    await input.close();
  }
  // Of a state that was fetched before this one, and turned out to be damaged.
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
};

interface StateFile {
  /** Path in the archive. */
  name: string;
  /** Absolute path. */
  file: string;
}

const filesOf = async (source: string): Promise<StateFile[]> => {
  if (!(await stat(source)).isDirectory()) return [{ name: basename(source), file: source }];
  const entries = await readdir(source, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => ({ name: relative(source, file).split(sep).join('/'), file }));
};

const appendFile = async (out: FileHandle, name: string, input: FileHandle): Promise<void> => {
  const { size } = await input.stat();
  await out.writeFile(encodeHeader({ name, sizeBytes: size }));
  let copied = 0;
  const chunks = input.createReadStream({ highWaterMark: COPY_BYTES, autoClose: false }) as AsyncIterable<Buffer>;
  for await (const chunk of chunks) {
    copied += chunk.length;
    await out.writeFile(chunk);
  }
  if (copied !== size) throw new Error(`${name} changed while it was packed.`);
  await out.writeFile(Buffer.alloc(padded(size) - size));
};

const readHeader = async (input: FileHandle, offset: number): Promise<ArchivedFile | undefined> => {
  const block = Buffer.alloc(BLOCK);
  const { bytesRead } = await input.read(block, 0, BLOCK, offset);
  if (bytesRead === BLOCK && block.every((byte) => byte === 0)) return undefined;
  const entry = bytesRead === BLOCK ? parseHeader(block) : undefined;
  if (!entry) throw new Error('The state archive is damaged.');
  return entry;
};

const extract = async (input: FileHandle, start: number, sizeBytes: number, file: string): Promise<void> => {
  const out = await open(file, 'w');
  try {
    const buffer = Buffer.alloc(Math.min(COPY_BYTES, Math.max(1, sizeBytes)));
    for (let done = 0; done < sizeBytes;) {
      const { bytesRead } = await input.read(buffer, 0, Math.min(buffer.length, sizeBytes - done), start + done);
      if (bytesRead === 0) throw new Error('The state archive is cut off.');
      await out.writeFile(buffer.subarray(0, bytesRead));
      done += bytesRead;
    }
  } finally {
    await out.close();
  }
};

const padded = (sizeBytes: number): number => Math.ceil(sizeBytes / BLOCK) * BLOCK;
