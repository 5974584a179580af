import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Dataset } from '@influencerai/shared';
import type { Listing, Storage } from '../storage/storage.js';
import { DatasetInspector } from './dataset-inspector.js';
import type { DatasetsRepository } from './datasets.repository.js';
import type { InspectionsRepository } from './inspections.repository.js';

const TOUCH_MS = 10_000;

const aDataset = (updatedAt = 'claimed'): Dataset => ({
  id: '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d',
  number: 1,
  tenantId: 'tenant_demo',
  userId: null,
  kind: 'lora-training',
  path: 'data/set',
  meta: {},
  status: 'processing',
  stats: null,
  problems: [],
  upload: null,
  createdAt: '2025-01-15T10:30:00.000Z',
  updatedAt,
});

const EMPTY: Listing = { isFolder: true, files: [], skipped: [], isTruncated: false };

/** A fake repository and a storage whose listing comes when the test says so. */
function aStage() {
  const listing = Promise.withResolvers<Listing | undefined>();
  const repository = {
    claimNext: jest.fn<InspectionsRepository['claimNext']>().mockResolvedValue(undefined),
    touch: jest.fn<InspectionsRepository['touch']>().mockResolvedValue(aDataset('touched')),
    finish: jest
      .fn<InspectionsRepository['finish']>()
      .mockImplementation((claim, { status, problems }) => Promise.resolve({ ...claim, status, problems })),
    release: jest.fn<InspectionsRepository['release']>().mockResolvedValue(),
    getById: jest.fn<DatasetsRepository['getById']>().mockResolvedValue(aDataset('by another')),
  };
  const storage: Pick<Storage, 'list'> = { list: () => listing.promise };
  const inspector = new DatasetInspector(
    repository as unknown as DatasetsRepository,
    repository as unknown as InspectionsRepository,
    storage as Storage,
  );
  return { inspector, repository, listing };
}

beforeAll(() => Logger.overrideLogger(false));
beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe(DatasetInspector.name, () => {
  it('should show that it is alive while it works, and finish with its newest claim', async () => {
    const { inspector, repository, listing } = aStage();
    const result = inspector.inspect(aDataset());
    await jest.advanceTimersByTimeAsync(TOUCH_MS);
    listing.resolve(EMPTY);
    expect(await result).toMatchObject({ status: 'failed', updatedAt: 'touched' });
    await jest.advanceTimersByTimeAsync(5 * TOUCH_MS);
    expect(repository.touch.mock.calls.map(([claim]) => claim.updatedAt)).toEqual(['claimed']);
  });

  it('should give way when its claim is lost', async () => {
    const { inspector, repository, listing } = aStage();
    repository.touch.mockResolvedValue(undefined);
    const result = inspector.inspect(aDataset());
    await jest.advanceTimersByTimeAsync(TOUCH_MS);
    listing.resolve(EMPTY);
    expect(await result).toEqual(aDataset('by another'));
    expect(repository.finish).not.toHaveBeenCalled();
  });

  it('should answer with the dataset as it is when somebody else was quicker to finish', async () => {
    const { inspector, repository, listing } = aStage();
    repository.finish.mockResolvedValue(undefined);
    listing.resolve(EMPTY);
    expect(await inspector.inspect(aDataset())).toEqual(aDataset('by another'));
  });

  it('should go on while the database is away for a moment', async () => {
    const { inspector, repository, listing } = aStage();
    repository.touch.mockRejectedValueOnce(new Error('away'));
    const result = inspector.inspect(aDataset());
    await jest.advanceTimersByTimeAsync(2 * TOUCH_MS);
    listing.resolve(EMPTY);
    expect(await result).toMatchObject({ updatedAt: 'touched' });
    expect(repository.touch).toHaveBeenCalledTimes(2);
  });

  it('should fail a dataset that cannot be listed, without the reason that only operators may see', async () => {
    const { inspector, listing } = aStage();
    listing.reject(new Error('EIO /srv/disk7'));
    const { status, problems } = await inspector.inspect(aDataset());
    expect([status, problems]).toEqual([
      'failed',
      [expect.objectContaining({ reason: expect.not.stringContaining('disk7') })],
    ]);
  });

  it('should take up at most two at a time and go on with the next when one ends', async () => {
    const { inspector, repository, listing } = aStage();
    for (let i = 0; i < 3; i += 1) repository.claimNext.mockResolvedValueOnce(aDataset());
    await inspector.sweep();
    expect(repository.claimNext).toHaveBeenCalledTimes(2);
    expect(await inspector.enqueue((status) => Promise.resolve(aDataset(status)))).toMatchObject({
      updatedAt: 'pending',
    });
    listing.resolve(EMPTY);
    await inspector.idle();
    expect(repository.finish).toHaveBeenCalledTimes(3);
  });

  it('should not fail when the database is away', async () => {
    const { inspector, repository } = aStage();
    repository.claimNext.mockRejectedValue(new Error('away'));
    await inspector.sweep();
    await inspector.idle();
    expect(repository.claimNext).toHaveBeenCalledTimes(1);
  });

  it('should hand its datasets back when the process stops, and take no more', async () => {
    const { inspector, repository, listing } = aStage();
    repository.claimNext.mockResolvedValueOnce(aDataset());
    await inspector.sweep();
    const stopped = inspector.beforeApplicationShutdown();
    listing.resolve({ ...EMPTY, files: [{ key: 'set/a.png', name: 'a.png', sizeBytes: 1, version: '1' }] });
    await stopped;
    expect([repository.release.mock.calls.length, repository.finish.mock.calls.length]).toEqual([1, 0]);
    expect(await inspector.enqueue((status) => Promise.resolve(aDataset(status)))).toMatchObject({
      updatedAt: 'pending',
    });
  });
});
