import { Injectable } from '@nestjs/common';
import {
  AppError,
  type Dataset,
  type DatasetShare,
  type FieldIssue,
  fieldError,
  type MixDatasets,
} from '@influencerai/shared';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Principal } from '../auth/principal.js';
import { MAX_DATASET_FILES } from '../datasets/dataset-inspector.js';
import { DatasetsService } from '../datasets/datasets.service.js';
import { isText } from '../datasets/inspection/inspect-text.js';
import { hasCode } from '../http/error-code.js';
import { assertMeta } from '../http/json-limits.js';
import { Storage, type StoredFile } from '../storage/storage.js';
import { toRowsForm } from '../uploads/rows-form.js';
import { UploadsService } from '../uploads/uploads.service.js';
import { type Draw, interleave } from './draw-rows.js';
import { countRows } from './mix-counts.js';
import { type Row, rowsOfFile } from './rows-of-file.js';

interface Source {
  share: DatasetShare;
  files: StoredFile[];
  rows: number;
}

/** Makes datasets of others. */
@Injectable()
export class DatasetMixesService {
  constructor(
    private readonly datasets: DatasetsService,
    private readonly uploads: UploadsService,
    private readonly storage: Storage,
  ) {}

  /**
   * Draws rows of several datasets into a new one, which comes to be as an upload does: with room from the quota, whole
   * or not at all.
   * @param id what the new dataset is to be called
   * @throws AppError `dataset_not_found`, `dataset_not_ready`, `dataset_unreadable`,
   * `validation_failed` for other kinds and when no row can be drawn, and those of {@link UploadsService.receive}
   */
  async create(caller: Principal, id: string, { shares, maxRows, seed, name, meta }: MixDatasets): Promise<Dataset> {
    const datasets: Dataset[] = [];
    for (const [index, { datasetId }] of shares.entries())
      datasets.push(await this.usable(caller, datasetId, ['shares', index, 'datasetId']));
    const sources: Source[] = [];
    for (const [index, share] of shares.entries()) sources.push(await this.measure(share, datasets[index]!));
    const counts = countRows(
      sources.map(({ rows, share }) => ({ rows, percentage: share.percentage })),
      maxRows,
    );
    const draws = sources.map(({ files, rows }, index) => ({
      rows: this.rowsOf(files),
      total: rows,
      count: counts[index] ?? 0,
    }));
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (total === 0) throw fieldError(['shares'], 'Leave no row: a dataset has too few for its percentage.');
    const rows = shares.map((share, index) => ({ ...share, rows: counts[index] ?? 0 }));
    const described = { ...meta, mix: { seed, rows } };
    assertMeta(described);
    const drawn = drawRows({ draws, seed, total });
    return this.uploads.receive(caller, id, toRowsForm({ name, meta: described, rows: drawn }));
  }

  private async usable(caller: Principal, id: string, field: FieldIssue['path']): Promise<Dataset> {
    const dataset = await this.datasets.get(caller, id);
    const { kind, status } = dataset;
    if (kind !== 'fine-tuning') throw fieldError(field, 'Must name a dataset of the kind fine-tuning.');
    if (status !== 'ready') throw new AppError('dataset_not_ready', { id, status });
    return dataset;
  }

  /** Counts by reading, as drawing will: what an inspection counted may have changed since. */
  private async measure(share: DatasetShare, { tenantId, path }: Dataset): Promise<Source> {
    const listing = await this.storage.list({ tenantId, path }, MAX_DATASET_FILES);
    if (!listing) throw new AppError('dataset_unreadable', { reason: `${path} does not exist any more.` });
    const files = listing.files.filter(({ name }) => isText(name));
    let rows = 0;
    for await (const _ of this.rowsOf(files)) rows += 1;
    return { share, files, rows };
  }

  /** @throws AppError `dataset_unreadable` when a file is gone, with its dataset or without it */
  private async *rowsOf(files: readonly StoredFile[]): AsyncGenerator<Row> {
    try {
      for (const { name, key } of files) yield* rowsOfFile(name, this.storage.read(key));
    } catch (cause) {
      if (!hasCode(cause, 'ENOENT')) throw cause;
      throw new AppError('dataset_unreadable', { reason: CHANGED }, { cause });
    }
  }
}

const CHANGED = 'A dataset of the mix changed while it was read.';

/** The drawn rows. @throws AppError `dataset_unreadable` when there were fewer than counted */
async function* drawRows({ draws, seed, total }: { draws: Draw<Row>[]; seed: number; total: number }) {
  let left = total;
  for await (const row of interleave(draws, xoroshiro128plus(seed))) {
    yield row;
    left -= 1;
  }
  if (left > 0) throw new AppError('dataset_unreadable', { reason: CHANGED });
}
