import { Injectable, Logger } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { DatasetRemovalsRepository, type RemovalRules } from './dataset-removals.repository.js';
import { UploadsService } from './uploads.service.js';

/** Takes datasets away, with what uploads have brought and the room that it took. */
@Injectable()
export class DatasetRemovalsService {
  private readonly logger = new Logger(DatasetRemovalsService.name);

  constructor(
    private readonly removals: DatasetRemovalsRepository,
    private readonly uploads: UploadsService,
  ) {}

  /**
   * Deletes a dataset that no active job uses, nor a project that the rules count. The files of an upload go with it; a
   * folder that was there before stays where it is. Jobs that are over keep what they were frozen with.
   * @throws AppError `dataset_not_found`, `dataset_in_use`
   */
  async delete({ tenantId }: Principal, id: string, rules: RemovalRules = {}): Promise<void> {
    const claim = await this.removals.remove(tenantId, id, rules);
    if (claim) await this.uploads.close(claim);
  }

  /** Takes back a dataset that an upload has made and no job has used. One that a job uses stays. */
  async withdraw({ tenantId }: Principal, id: string): Promise<void> {
    try {
      const claim = await this.removals.withdraw(tenantId, id);
      if (claim) await this.uploads.close(claim);
    } catch (error) {
      if (error instanceof AppError && error.code === 'dataset_not_found') return;
      this.logger.warn({ err: error, datasetId: id }, 'A dataset that nobody uses could not be taken back; it stays.');
    }
  }
}
