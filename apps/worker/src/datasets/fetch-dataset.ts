import { AppError, type JobDatasetFile } from '@influencerai/shared';
import { chmod, copyFile, link, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ApiFailure, type Api, type JobRef } from '../api/api.js';
import { inLanes } from '../in-lanes.js';
import { type Content, ContentMismatch, type DatasetCache } from './dataset-cache.js';
import { downloadContent } from './download-content.js';
import { FetchProgress, type Tell } from './fetch-progress.js';

const DOWNLOADS_AT_A_TIME = 4;
const LINKS_AT_A_TIME = 8;
/** What a disk says that cannot link there: another one, one without links, or one with too many. */
const UNLINKABLE = ['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'];
/** What a disk says of names that the API's storage could keep and this disk cannot. */
const UNNAMEABLE = ['EEXIST', 'ENOTDIR', 'ENAMETOOLONG'];

export interface FetchInput {
  job: JobRef;
  files: readonly JobDatasetFile[];
  /** Folder of the attempt that the files come to lie in; made anew. */
  target: string;
  cache: DatasetCache;
  api: Pick<Api, 'openDatasetFile'>;
  retryMs: { first: number; max: number };
  signal: AbortSignal;
  tell: Tell;
}

/** The dataset is another one by now than the list said. */
export class DatasetChanged extends Error {
  override readonly name = 'DatasetChanged';
}

/**
 * Puts the files of a dataset into a folder, out of the cache, and fetches what is not there.
 * @returns what removes that folder and gives the cache its files back, once the attempt is over
 * @throws DatasetChanged; HostLack, HostFault; AppError `dataset_unreadable`
 */
export const fetchDataset = async (input: FetchInput): Promise<() => Promise<void>> => {
  const { job, cache, files, target, signal, tell } = input;
  const onWait = (): void => {
    tell.note('Running jobs use the whole dataset cache of the worker; waiting for one to end.');
    tell.stage('Waiting for room in the dataset cache of the worker');
  };
  const release = await cache.hold(
    files.map((file) => contentOf(job, file)),
    { signal, onWait },
  );
  const clear = async (): Promise<void> => {
    // Links keep what the cache removes on the disk. A trainer may have made the folder one that cannot be removed.
    await rm(target, { recursive: true, force: true }).catch((error: unknown) => tell.note(String(error)));
    await release();
  };
  try {
    await ensureAll(input);
    await linkAll(input);
    return clear;
  } catch (error) {
    await clear();
    if (error instanceof ContentMismatch || (error instanceof ApiFailure && error.verdict === 'refused'))
      throw new DatasetChanged(error.message, { cause: error });
    throw error;
  }
};

const contentOf = ({ tenantId }: JobRef, { sha256, sizeBytes }: JobDatasetFile): Content => ({
  tenantId,
  sha256,
  sizeBytes,
});

const ensureAll = async ({ job, files, cache, api, retryMs, signal, tell }: FetchInput): Promise<void> => {
  const contents = [...new Map(files.map((file) => [file.sha256, file])).values()];
  const missing = contents.filter((file) => !cache.has(contentOf(job, file)));
  const progress = new FetchProgress(missing, tell);
  progress.begin(contents.length - missing.length);
  const stop = new AbortController();
  const all = AbortSignal.any([signal, stop.signal]);
  await inLanes(contents, DOWNLOADS_AT_A_TIME, async (file) => {
    const fetch = (partial: string): Promise<void> =>
      downloadContent({
        open: (from, until) => api.openDatasetFile(job, file, from, until),
        sizeBytes: file.sizeBytes,
        file: partial,
        retryMs,
        signal: all,
        onBytes: (bytes) => progress.add(bytes),
        onTrouble: (error) => progress.trouble(error),
      });
    try {
      all.throwIfAborted();
      await cache.ensure(contentOf(job, file), fetch, all);
    } catch (error) {
      // One file that cannot be had makes the others useless.
      stop.abort(error);
      throw error;
    }
  });
  progress.end();
};

const linkAll = async ({ job, files, target, cache }: FetchInput): Promise<void> => {
  await rm(target, { recursive: true, force: true });
  const folders = new Set(files.map(({ name }) => dirname(name)));
  try {
    await makeFolder(target);
    for (const folder of folders) await makeFolder(join(target, folder));
    await inLanes(files, LINKS_AT_A_TIME, (file) =>
      linkOrCopy(cache.pathOf(contentOf(job, file)), join(target, file.name)),
    );
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!UNNAMEABLE.includes(code)) throw error;
    throw new AppError('dataset_unreadable', { reason: `names of its files cannot stand in one folder (${code})` });
  }
};

/** A trainer in a container is another user. */
const makeFolder = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
};

const linkOrCopy = async (from: string, to: string): Promise<void> => {
  try {
    await link(from, to);
  } catch (error) {
    if (!UNLINKABLE.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copyFile(from, to);
    await chmod(to, 0o444);
  }
};
