import { opendir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { statOf, versionOf } from './stat-of.js';
import type { Listing, StoredFile } from './storage.js';

/**
 * The plain files below a path, whose key is given. Names that start with "." are left out, links and devices are
 * listed as skipped, and at most `limit` entries are looked at.
 */
export async function listFiles(path: string, key: string, limit: number): Promise<Listing | undefined> {
  const found = await statOf(path);
  if (!found) return undefined;
  const listing: Listing = { isFolder: found.isDirectory(), files: [], skipped: [], isTruncated: false };
  if (found.isFile())
    listing.files.push({ key, name: basename(path), sizeBytes: found.size, version: versionOf(found) });
  if (found.isDirectory()) await walk({ path, key, name: '' }, limit, listing);
  listing.files.sort((a, b) => (a.name < b.name ? -1 : 1));
  return listing;
}

type Folder = Pick<StoredFile, 'key' | 'name'> & { path: string };

async function walk(top: Folder, limit: number, listing: Listing): Promise<void> {
  const folders = [top];
  let seen = 0;
  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    for await (const entry of await opendir(folder.path)) {
      if (entry.name.startsWith('.')) continue;
      if (++seen > limit) return void (listing.isTruncated = true);
      const child = childOf(folder, entry.name);
      if (entry.isDirectory()) folders.push(child);
      else if (!entry.isFile()) listing.skipped.push(child.name);
      else await addFile(child, listing);
    }
  }
}

async function addFile({ path, key, name }: Folder, listing: Listing): Promise<void> {
  const found = await statOf(path);
  if (found) listing.files.push({ key, name, sizeBytes: found.size, version: versionOf(found) });
}

const childOf = (folder: Folder, name: string): Folder => ({
  path: join(folder.path, name),
  key: `${folder.key}/${name}`,
  name: folder.name === '' ? name : `${folder.name}/${name}`,
});
