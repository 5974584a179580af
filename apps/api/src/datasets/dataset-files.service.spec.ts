import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { Storage } from '../storage/storage.js';
import type { DatasetFilesRepository, KnownFile } from './dataset-files.repository.js';
import { DatasetFilesService, type DatasetSource } from './dataset-files.service.js';

/** Storage whose files of one tenant never come. */
const storage = {
  list: ({ tenantId, path }: { tenantId: string; path: string }) =>
    Promise.resolve({
      isFolder: true,
      files: [{ key: `${tenantId}/${path}/a.jsonl`, name: 'a.jsonl', sizeBytes: 4, version: '1' }],
      skipped: [],
      isTruncated: false,
    }),
  read: (key: string) => (key.startsWith('slow/') ? new Readable({ read: () => undefined }) : Readable.from(['text'])),
} as unknown as Storage;

const repository = {
  list: () => Promise.resolve([]),
  put: (_source: unknown, _files: KnownFile[]) => Promise.resolve(),
  remove: () => Promise.resolve(),
} as unknown as DatasetFilesRepository;

const source = (tenantId: string, id: string): DatasetSource => ({
  tenantId,
  id,
  path: `data/${id}`,
  kind: 'text',
});

describe(DatasetFilesService.name, () => {
  it('should hash the files of one tenant while those of another take for ever', async () => {
    const service = new DatasetFilesService(repository, storage);
    for (const id of ['1', '2', '3']) void service.list(source('slow', id));
    const { files } = await service.list(source('quick', '4'));
    expect(files.map(({ name }) => name)).toEqual(['a.jsonl']);
  });
});
