import type { APIPromise } from '../core/api-promise.js';
import { PagePromise } from '../core/pagination.js';
import type { RequestOptions } from '../core/request-options.js';
import type {
  CreateDataset,
  CreateTextDataset,
  Dataset,
  DatasetStatus,
  DeletedDataset,
  DescribeDataset,
  ListDatasetsQuery,
  MixDatasets,
} from '../generated/types.js';
import { loadBarePage } from '../internal/load-page.js';
import { path } from '../internal/path.js';
import { DatasetUploads } from './dataset-uploads.js';

/** Folders of training data. */
export class Datasets extends DatasetUploads {
  /**
   * Registers a folder below the data root. It is validated in the background; a job needs a dataset that is `ready`.
   *
   * @example
   * ```ts
   * const dataset = await client.datasets.create({ kind: 'lora-training', path: 'data/datasets/my-influencer' });
   * ```
   */
  create(body: CreateDataset, options?: RequestOptions): APIPromise<Dataset> {
    return this.transport.json({ method: 'POST', path: '/datasets', body, options, isCreation: true });
  }

  /**
   * Makes a dataset of texts, one example each, without a file.
   *
   * @example
   * ```ts
   * const dataset = await client.datasets.createFromTexts({ texts: ['The parcel goes back into its box.'] });
   * ```
   */
  createFromTexts(body: CreateTextDataset, options?: RequestOptions): APIPromise<Dataset> {
    return this.transport.json({ method: 'POST', path: '/datasets/texts', body, options, isCreation: true });
  }

  /**
   * Draws rows of several text datasets into a new one, to the percentages asked for. `meta.mix` of the answer says how
   * many rows each gave.
   *
   * @example
   * ```ts
   * const shares = [
   *   { datasetId: reasoning.id, percentage: 70 },
   *   { datasetId: coding.id, percentage: 30 },
   * ];
   * const dataset = await client.datasets.mix({ shares, maxRows: 50_000 });
   * ```
   */
  mix(body: MixDatasets, options?: RequestOptions): APIPromise<Dataset> {
    return this.transport.json({ method: 'POST', path: '/datasets/mix', body, options, isCreation: true });
  }

  /**
   * Lists datasets, newest first. Await it for one page, iterate it for all.
   *
   * @example
   * ```ts
   * for await (const dataset of client.datasets.list({ status: 'ready' })) console.log(dataset.path);
   * ```
   */
  list(query: ListDatasetsQuery = {}, options?: RequestOptions): PagePromise<Dataset> {
    return new PagePromise(loadBarePage<Dataset>(this.transport, { path: '/datasets', query, options }));
  }

  /** Reads one dataset with what its validation found. */
  get(datasetId: string, options?: RequestOptions): APIPromise<Dataset> {
    return this.transport.json({ method: 'GET', path: path`/datasets/${datasetId}`, options });
  }

  /** Sets the state, for example back to `pending` to have the folder validated again. */
  updateStatus(datasetId: string, status: DatasetStatus, options?: RequestOptions): APIPromise<Dataset> {
    return this.transport.json({
      method: 'PATCH',
      path: path`/datasets/${datasetId}/status`,
      body: { status },
      options,
    });
  }

  /** Renames a dataset, or says what it is. */
  update(datasetId: string, body: DescribeDataset, options?: RequestOptions): APIPromise<Dataset> {
    return this.transport.json({ method: 'PATCH', path: path`/datasets/${datasetId}`, body, options });
  }

  /**
   * Deletes a dataset that no active job and no project uses, with the files that its upload brought. A folder that was
   * there before it was registered stays.
   */
  delete(datasetId: string, options?: RequestOptions): APIPromise<DeletedDataset> {
    return this.transport.json({ method: 'DELETE', path: path`/datasets/${datasetId}`, options });
  }
}
