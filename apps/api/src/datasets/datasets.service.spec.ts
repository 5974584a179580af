import { describe, expect, it, jest } from '@jest/globals';
import type { CreateDataset, DatasetStatus } from '@influencerai/shared';
import { readConfig } from '../env.js';
import type { Listing } from '../storage/storage.js';
import { aPrincipal } from '../../test/a-principal.js';
import { DatasetsService } from './datasets.service.js';

const CALLER = aPrincipal();
const INPUT: CreateDataset = { kind: 'lora-training', path: 'data/set', meta: {} };

const aListing = (files: { count: number; sizeBytes?: number }, change: Partial<Listing> = {}): Listing => ({
  isFolder: true,
  files: Array.from({ length: files.count }, (_, i) => ({
    key: `${i}.png`,
    name: `${i}.png`,
    sizeBytes: files.sizeBytes ?? 1,
    version: '1',
  })),
  skipped: [],
  isTruncated: false,
  ...change,
});

function aService(listing: Listing | undefined) {
  const config = readConfig({ DATABASE_URL: 'postgres://localhost/x', SMALL_DATASET_FILES: '10' });
  const create = jest.fn((_tenantId: string, _input: CreateDataset, status: DatasetStatus) =>
    Promise.resolve({ status }),
  );
  const findById = () => Promise.resolve({ status: 'processing' });
  const inspector = {
    inspect: jest.fn((_claim: unknown) => Promise.resolve({ status: 'ready' })),
    enqueue: jest.fn((register: (status: DatasetStatus) => Promise<unknown>) => register('processing')),
  };
  const storage = { list: () => Promise.resolve(listing) };
  return {
    service: new DatasetsService(config, { create, findById } as never, inspector as never, storage as never),
    create,
    inspector,
  };
}

describe(DatasetsService.name, () => {
  it('should inspect a small dataset before it answers', async () => {
    const { service, inspector } = aService(aListing({ count: 10 }));
    expect(await service.create(CALLER, INPUT)).toEqual({ status: 'ready' });
    expect(inspector.inspect).toHaveBeenCalledWith({ status: 'processing' });
  });

  it.each([
    ['many files', aListing({ count: 11 })],
    ['large files', aListing({ count: 2, sizeBytes: 300 * 1024 * 1024 })],
    ['more files than can be listed', aListing({ count: 1 }, { isTruncated: true })],
  ])('should inspect %s behind the answer', async (_, listing) => {
    const { service, inspector } = aService(listing);
    expect(await service.create(CALLER, INPUT)).toEqual({ status: 'processing' });
    expect([inspector.enqueue.mock.calls.length, inspector.inspect.mock.calls.length]).toEqual([1, 0]);
  });

  it.each([
    ['nothing', undefined, INPUT, /No folder or file is at data\/set/],
    ['a file of pictures', aListing({ count: 1 }, { isFolder: false }), INPUT, /folder of pictures/],
    [
      'another file',
      aListing({ count: 1 }, { isFolder: false }),
      { ...INPUT, kind: 'fine-tuning' as const },
      /jsonl, \.csv or \.txt/,
    ],
  ])('should refuse %s and register nothing', async (_, listing, input, message) => {
    const { service, create } = aService(listing);
    await expect(service.create(CALLER, input)).rejects.toMatchObject({
      code: 'validation_failed',
      details: { issues: [{ path: ['path'], message: expect.stringMatching(message) }] },
    });
    expect(create).not.toHaveBeenCalled();
  });

  it('should wait for a bounded number of requests of a tenant at a time', async () => {
    const { service } = aService(undefined);
    const patience = { deadline: Date.now() + 60_000 };
    const wait = (caller = CALLER) => service.untilReady(caller, 'large', patience);
    const waiting = Array.from({ length: 16 }, () => wait());
    expect(await wait()).toEqual({ status: 'processing' });
    const other = wait({ ...CALLER, tenantId: 'tenant_other' });
    const isOver = Promise.race([...waiting, other].map((wait) => wait.then(() => true)));
    expect(await Promise.race([isOver, new Promise((resolve) => setImmediate(() => resolve(false)))])).toBe(false);
    service.onModuleDestroy();
    await Promise.all([...waiting, other]);
  });
});
