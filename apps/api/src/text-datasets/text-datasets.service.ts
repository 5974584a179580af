import { Injectable } from '@nestjs/common';
import type { CreateTextDataset, Dataset } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { newId } from '../http/new-id.js';
import { assertMeta } from '../http/json-limits.js';
import { DatasetRemovalsService } from '../uploads/dataset-removals.service.js';
import { toRowsForm } from '../uploads/rows-form.js';
import { UploadsService } from '../uploads/uploads.service.js';

/** Makes datasets of texts that come with a request. */
@Injectable()
export class TextDatasetsService {
  constructor(
    private readonly uploads: UploadsService,
    private readonly removals: DatasetRemovalsService,
  ) {}

  /**
   * Stores texts as a dataset, which comes to be as an upload does: with room from the quota, opened and counted, whole or
   * not at all.
   * @param id what the dataset is to be called
   * @throws AppError those of {@link UploadsService.receive}
   */
  create(caller: Principal, id: string, { texts, name, meta }: CreateTextDataset): Promise<Dataset> {
    assertMeta(meta);
    const rows = texts.map((text) => ({ text }));
    return this.uploads.receive(caller, id, toRowsForm({ name, meta, rows }));
  }

  /**
   * Makes a dataset for `work` alone, such as the submission of a job on it. When `work` fails the dataset is gone again,
   * with its file and the room that it took.
   * @throws AppError those of {@link create}, and what `work` throws
   */
  async lend<T>(caller: Principal, input: CreateTextDataset, work: (dataset: Dataset) => Promise<T>): Promise<T> {
    const dataset = await this.create(caller, newId(), input);
    try {
      return await work(dataset);
    } catch (error) {
      await this.removals.withdraw(caller, dataset.id);
      throw error;
    }
  }
}
