import type { Readable } from 'node:stream';
import type { Storage } from '../../storage/storage.js';
import type { UploadFolder } from '../upload-folder.js';
import type { UploadLimits } from '../upload-limits.js';
import { type ArchiveEntry, Inflation } from './archive.js';
import { readTar } from './read-tar.js';
import { readZip } from './read-zip.js';

/** A tar archive that arrives, or a zip archive that was stored. */
export type Archive =
  | { kind: 'tar' | 'tar.gz'; name: string; content: Readable }
  | { kind: 'zip'; name: string; key: string; sizeBytes: number };

export interface Unpacking {
  storage: Storage;
  limits: UploadLimits;
  folder: UploadFolder;
}

/** Puts what an archive holds into the folder of a dataset. */
export async function unpack(archive: Archive, unpacking: Unpacking): Promise<void> {
  for await (const entry of entriesOf(archive, unpacking)) {
    if (entry.type === 'folder') unpacking.folder.addFolder(entry.name);
    else await unpacking.folder.add(entry.name, entry.content);
  }
}

function entriesOf(archive: Archive, { storage, limits }: Unpacking): AsyncIterable<ArchiveEntry> {
  const inflation = new Inflation(limits);
  return archive.kind === 'zip'
    ? readZip({ ...archive, storage, inflation, maxFiles: limits.maxFiles })
    : readTar({ ...archive, inflation, isGzipped: archive.kind === 'tar.gz' });
}
