import { Injectable } from '@nestjs/common';
import { AppError, type CreateTextDataset, type Dataset } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { DatasetsService } from '../datasets/datasets.service.js';
import { derivedId } from '../http/derived-id.js';
import { assertMeta } from '../http/json-limits.js';
import { DatasetRemovalsService } from '../uploads/dataset-removals.service.js';
import { toRowsForm } from '../uploads/rows-form.js';
import { UploadsService } from '../uploads/uploads.service.js';

/** The texts themselves, or the name of a dataset of some. */
export type TextSource = CreateTextDataset | { datasetName: string };

/** What texts are for. */
export interface TextUse {
  id: string;
  source: TextSource;
}

const NEWEST_OF_TEXT = { kind: 'fine-tuning', take: 1, skip: 0, sortBy: 'createdAt', sortOrder: 'desc' } as const;

/** Makes datasets of texts that come with a request. */
@Injectable()
export class TextDatasetsService {
  constructor(
    private readonly uploads: UploadsService,
    private readonly removals: DatasetRemovalsService,
    private readonly datasets: DatasetsService,
  ) {}

  /**
   * Stores texts as a dataset, which comes to be as an upload does: with room from the quota, opened and counted, whole or
   * not at all. One that was made under the id before is the answer.
   * @param id what the dataset is to be called
   * @throws AppError those of {@link UploadsService.receive}
   */
  create(caller: Principal, id: string, { texts, name, meta }: CreateTextDataset): Promise<Dataset> {
    assertMeta(meta);
    const rows = texts.map((text) => ({ text }));
    return this.uploads.receive(caller, id, toRowsForm({ name, meta, rows }));
  }

  /**
   * Hands `work`, such as the submission of a job, the dataset that a request speaks of: the newest text dataset of a name,
   * or one that is made of texts for it. When `work` fails the latter is gone again, with its file and its room. Where a
   * process died in between, a repetition with the same id goes on with the dataset that is there.
   * @param id of what `work` makes; the id of a dataset of texts follows from it
   * @throws AppError `dataset_not_found`, those of {@link create}, and what `work` throws
   */
  async use<T>(caller: Principal, { id, source }: TextUse, work: (dataset: Dataset) => Promise<T>): Promise<T> {
    if ('datasetName' in source) return work(await this.getByName(caller, source.datasetName));
    const datasetId = derivedId(id, 'texts');
    try {
      return await work(await this.create(caller, datasetId, source));
    } catch (error) {
      await this.removals.withdraw(caller, datasetId);
      throw error;
    }
  }

  private async getByName(caller: Principal, name: string): Promise<Dataset> {
    const { data } = await this.datasets.list(caller, { name, ...NEWEST_OF_TEXT });
    if (!data[0]) throw new AppError('dataset_not_found', { id: name });
    return data[0];
  }
}
