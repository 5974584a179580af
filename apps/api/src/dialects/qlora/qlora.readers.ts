import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { DatasetsService } from '../../datasets/datasets.service.js';
import type { Reader } from '../../idempotency/reader.js';
import { JobsService } from '../../jobs/jobs.service.js';
import { fromDataset, fromStarted } from './qlora.mapper.js';
import type { Started, UploadedTexts } from './qlora.schema.js';

/** What a repeated start answers. */
@Injectable()
export class StartedJobs implements Reader {
  constructor(private readonly jobs: JobsService) {}

  async get(caller: Principal, id: string): Promise<Started> {
    return fromStarted(await this.jobs.get(caller, id));
  }
}

/** What a repeated upload answers. */
@Injectable()
export class UploadedTextDatasets implements Reader {
  constructor(private readonly datasets: DatasetsService) {}

  async get(caller: Principal, id: string): Promise<UploadedTexts> {
    return fromDataset(await this.datasets.get(caller, id));
  }
}
