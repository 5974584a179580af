import { createHash } from 'node:crypto';
import type { DatasetProblem, DatasetStats } from '@influencerai/shared';
import type { Listing, Storage } from '../../storage/storage.js';

/** What an inspection works with. */
export interface InspectionSource {
  storage: Storage;
  listing: Listing;
  signal: AbortSignal;
}

export interface Inspection {
  status: 'ready' | 'failed';
  stats: DatasetStats;
  problems: DatasetProblem[];
}

export const emptyStats = (): DatasetStats => ({
  images: 0,
  captions: 0,
  rows: 0,
  columns: [],
  bytes: 0,
  duplicates: 0,
  unreadable: 0,
  formats: {},
  resolutions: {},
  digest: digestOf([]),
});

/** sha256 over the names and content hashes of the files that training uses, whatever order they were found in. */
export function digestOf(files: readonly { name: string; sha256: string }[]): string {
  const lines = files.map(({ name, sha256 }) => `${name}\0${sha256}\n`).sort();
  return createHash('sha256').update(lines.join('')).digest('hex');
}

export const increment = (counts: Record<string, number>, key: string): void => {
  counts[key] = (counts[key] ?? 0) + 1;
};
