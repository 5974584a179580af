import { AppError, type ClaimedJob, type JobDataset, JobDatasetSchema } from '@influencerai/shared';
import { ApiFailure, type Api } from '../api/api.js';
import { untilAnswered } from '../until-answered.js';
import type { DatasetCache } from './dataset-cache.js';
import { DatasetChanged, fetchDataset } from './fetch-dataset.js';
import type { Tell } from './fetch-progress.js';
import type { MountedDatasets } from './mounted-dataset.js';

/** A dataset may be changed while it is fetched; one that never rests cannot be trained on. */
const LISTS = 3;

export const DATASET_ACCESS = ['auto', 'mount', 'fetch'] as const;

export interface ProvideInput {
  job: ClaimedJob;
  /** Folder of the attempt for a dataset that is fetched. */
  target: string;
  signal: AbortSignal;
  tell: Tell;
}

/** Where a dataset lies on this host while an attempt needs it. */
export interface ProvidedDataset {
  path: string;
  /** sha256 over names and hashes of its files; undefined where nobody compared them. */
  digest: string | undefined;
  release: () => Promise<void>;
}

export interface DatasetAccessOptions {
  mode: (typeof DATASET_ACCESS)[number];
  api: Pick<Api, 'dataset' | 'openDatasetFile'>;
  mounted: MountedDatasets;
  /** Opened when the first dataset is fetched: a host that mounts has none. */
  openCache: () => Promise<DatasetCache>;
  retryMs: { first: number; max: number };
}

/** Brings the dataset of a job to where its trainer can read it: a folder that this host mounts, or files from the API. */
export class DatasetAccess {
  #cache: Promise<DatasetCache> | undefined;

  constructor(private readonly options: DatasetAccessOptions) {}

  /**
   * Waits for an API that is away as long as it takes.
   * @throws AppError `dataset_unreadable`; HostLack, HostFault; ApiFailure when the attempt is lost
   */
  async provide(input: ProvideInput): Promise<ProvidedDataset> {
    const { mode, mounted } = this.options;
    const { dataset, kind } = input.job.spec;
    const place = { path: dataset.path, storageRoot: input.job.storageRoot };
    if (mode === 'mount') return asItIs(await mounted.find(place), undefined);
    let changed: DatasetChanged | undefined;
    for (let lists = 0; lists < LISTS; lists++) {
      const { data: files, digest } = await this.#list(input);
      const folder = mode === 'auto' ? await mounted.findIfThere(place) : undefined;
      if (folder !== undefined && (await mounted.isSame(folder, kind, files))) return asItIs(folder, digest);
      if (folder !== undefined) input.tell.note(`DATA_ROOT has other files at ${dataset.path} than the API; fetching.`);
      try {
        return { path: input.target, digest, release: await this.#fetch(input, files) };
      } catch (error) {
        if (!(error instanceof DatasetChanged)) throw error;
        changed = error;
      }
    }
    throw unreadable(`each of ${LISTS} tries to fetch it got something else than was listed. ${changed?.message}`);
  }

  async #fetch(input: ProvideInput, files: JobDataset['data']): Promise<() => Promise<void>> {
    const { api, retryMs, openCache } = this.options;
    this.#cache ??= openCache().catch((error: unknown) => {
      this.#cache = undefined;
      throw error;
    });
    return fetchDataset({ ...input, files, cache: await this.#cache, api, retryMs });
  }

  async #list({ job, signal, tell }: ProvideInput): Promise<JobDataset> {
    const onTrouble = (): void => tell.stage('Waiting for the API to list the dataset');
    const ask = (): Promise<JobDataset> => this.options.api.dataset(job, signal);
    const answer = await untilAnswered(ask, { retryMs: this.options.retryMs, signal, onTrouble }).catch(
      (error: unknown) => {
        if (error instanceof ApiFailure && error.verdict === 'refused')
          throw unreadable(`the API says: ${error.message}`);
        throw error;
      },
    );
    // Files get these names here, so they are not taken on trust.
    const parsed = JobDatasetSchema.safeParse(answer);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw unreadable(`the API lists files that no dataset can have (${issue?.path.join('.')}: ${issue?.message})`);
  }
}

const asItIs = (path: string, digest: string | undefined): ProvidedDataset => ({
  path,
  digest,
  release: () => Promise.resolve(),
});

const unreadable = (reason: string): AppError => new AppError('dataset_unreadable', { reason });
