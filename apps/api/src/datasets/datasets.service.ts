import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import {
  AppError,
  type CreateDataset,
  type Dataset,
  type DatasetStatus,
  type DescribeDataset,
  fieldError,
  type ListDatasetsQuery,
  type Page,
  type UpdateDatasetStatus,
} from '@influencerai/shared';
import { CONFIG, type Config } from '../env.js';
import { assertMeta } from '../http/json-limits.js';
import { type Patience, waitFor } from '../http/wait-for.js';
import type { WithId } from '../idempotency/creation-id.js';
import { type Listing, Storage } from '../storage/storage.js';
import type { Principal } from '../auth/principal.js';
import { DatasetInspector, MAX_DATASET_FILES } from './dataset-inspector.js';
import { DatasetsRepository, type UploadClaim, type UploadedDataset } from './datasets.repository.js';
import { isText } from './inspection/inspect-text.js';

/** A few large files are as slow as many small ones. */
const SMALL_DATASET_BYTES = 512 * 1024 * 1024;
/** Requests of one tenant that wait for a dataset in this process. Each asks the database again and again. */
const MAX_WAITING = 16;

@Injectable()
export class DatasetsService implements OnModuleDestroy {
  private readonly closing = new AbortController();
  /** How many requests of each tenant wait. */
  private readonly waiting = new Map<string, number>();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly datasets: DatasetsRepository,
    private readonly inspector: DatasetInspector,
    private readonly storage: Storage,
  ) {}

  /**
   * Registers a dataset. A small one comes back inspected; a large one `processing`, or `pending` while others keep this
   * process busy.
   * @throws AppError `validation_failed` when the path is refused or names nothing that fits the kind
   */
  async create({ tenantId, userId }: Principal, input: WithId<CreateDataset>): Promise<Dataset> {
    assertMeta(input.meta);
    const listing = await this.listFiles(tenantId, input);
    return this.begin(listing, (status) => this.datasets.create(tenantId, { ...input, userId }, status));
  }

  onModuleDestroy(): void {
    this.closing.abort();
  }

  /**
   * The newest dataset that is registered for a path, other than failed ones; else registers it as {@link create} does. Of
   * a path with slashes at its end that without them is looked for. Waits as {@link untilReady} does.
   * @throws AppError `validation_failed` as that does, or when nothing there can be trained on
   */
  async ensure(caller: Principal, { path, ...input }: CreateDataset, patience: Patience): Promise<Dataset> {
    const wanted = { ...input, path: path.replace(/(?<=.)\/+$/, '') };
    const found = await this.datasets.findByPath(caller.tenantId, wanted);
    const { id } = found ?? (await this.create(caller, wanted));
    const dataset = await this.untilReady(caller, id, patience);
    if (!dataset) throw new AppError('dataset_not_found', { id });
    const { status, problems } = dataset;
    if (status !== 'failed') return dataset;
    const reasons = problems.filter(({ severity }) => severity === 'error').map(({ reason }) => reason);
    throw fieldError(['path'], `Cannot be trained on. ${reasons.slice(0, 3).join(' ')}`);
  }

  /**
   * Registers what an upload has brought, as {@link create} does.
   * @throws AppError `service_unavailable` when the upload was given up meanwhile
   */
  async createFromUpload(claim: UploadClaim, input: UploadedDataset): Promise<Dataset> {
    const listing = await this.listFiles(claim.tenantId, input);
    const register = async (status: DatasetStatus): Promise<Dataset> => {
      const dataset = await this.datasets.createFromUpload(claim, input, status);
      if (!dataset) throw new AppError('service_unavailable');
      return dataset;
    };
    return this.begin(listing, register);
  }

  list({ tenantId }: Principal, query: ListDatasetsQuery): Promise<Page<Dataset>> {
    return this.datasets.list(tenantId, query);
  }

  get({ tenantId }: Principal, id: string): Promise<Dataset> {
    return this.datasets.getById(tenantId, id);
  }

  /** @returns undefined when there is none */
  find({ tenantId }: Principal, id: string): Promise<Dataset | undefined> {
    return this.datasets.findById(tenantId, id);
  }

  /**
   * A dataset once it is inspected, for clients that know no status of datasets: waits for up to
   * `DATASET_PATIENCE_MS`, then it is as it is. It is so at once where many requests of the tenant wait already.
   * @returns undefined when there is none
   * @throws AppError `dataset_not_ready` when the client is gone, so that nothing is made of it that nobody hears of
   */
  async untilReady({ tenantId }: Principal, id: string, patience: Patience): Promise<Dataset | undefined> {
    const waiting = this.waiting.get(tenantId) ?? 0;
    const patienceMs = waiting < MAX_WAITING ? this.config.datasets.patienceMs : 0;
    const signals = [this.closing.signal, patience.signal].filter((signal) => signal !== undefined);
    this.waiting.set(tenantId, waiting + 1);
    try {
      const dataset = await waitFor(() => this.datasets.findById(tenantId, id), isInspected, {
        deadline: Math.min(patience.deadline, Date.now() + patienceMs),
        signal: AbortSignal.any(signals),
      });
      if (dataset && patience.signal?.aborted) throw new AppError('dataset_not_ready', { id, status: dataset.status });
      return dataset;
    } finally {
      this.leave(tenantId);
    }
  }

  /** Renames a dataset, or says what it is. @throws AppError `dataset_not_found` */
  describe({ tenantId }: Principal, id: string, { name, description }: DescribeDataset): Promise<Dataset> {
    const change = { ...(name !== undefined && { name }), ...(description !== undefined && { description }) };
    return this.datasets.describe(tenantId, id, change);
  }

  /** Sets the status by hand. An inspection that still runs gives way. */
  setStatus({ tenantId }: Principal, id: string, { status }: UpdateDatasetStatus): Promise<Dataset> {
    return this.datasets.setStatus(tenantId, id, status);
  }

  private leave(tenantId: string): void {
    const left = this.waiting.get(tenantId)! - 1;
    if (left > 0) this.waiting.set(tenantId, left);
    else this.waiting.delete(tenantId);
  }

  private async begin(listing: Listing, register: (status: DatasetStatus) => Promise<Dataset>): Promise<Dataset> {
    return this.isSmall(listing)
      ? this.inspector.inspect(await register('processing'))
      : this.inspector.enqueue(register);
  }

  private async listFiles(tenantId: string, { path, kind }: CreateDataset): Promise<Listing> {
    const listing = await this.storage.list({ tenantId, path }, MAX_DATASET_FILES);
    if (!listing) throw fieldError(['path'], `No folder or file is at ${path}.`);
    if (listing.isFolder) return listing;
    if (kind === 'lora-training')
      throw fieldError(['path'], 'Must name a folder of pictures for the kind lora-training.');
    if (!listing.files.some(({ name }) => isText(name)))
      throw fieldError(['path'], 'Must name a folder or a .jsonl, .csv or .txt file.');
    return listing;
  }

  private isSmall({ files, isTruncated }: Listing): boolean {
    const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    return !isTruncated && files.length <= this.config.datasets.smallDatasetFiles && bytes <= SMALL_DATASET_BYTES;
  }
}

/** Nothing more will come of it by itself; so it is with one that there is not. */
const isInspected = (dataset: Dataset | undefined): boolean =>
  dataset?.status !== 'pending' && dataset?.status !== 'processing';
