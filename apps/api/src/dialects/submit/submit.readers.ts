import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { DatasetsService } from '../../datasets/datasets.service.js';
import type { Reader } from '../../idempotency/reader.js';
import { JobsService } from '../../jobs/jobs.service.js';
import { fromDataset, fromJob } from './submit.mapper.js';
import type { Submitted, Uploaded } from './submit.schema.js';

/** What a repeated submission answers. */
@Injectable()
export class SubmittedJobs implements Reader {
  constructor(private readonly jobs: JobsService) {}

  async get(caller: Principal, id: string): Promise<Submitted> {
    return fromJob(await this.jobs.get(caller, id));
  }
}

/** What a repeated upload answers. */
@Injectable()
export class UploadedDatasets implements Reader {
  constructor(private readonly datasets: DatasetsService) {}

  async get(caller: Principal, id: string): Promise<Uploaded> {
    return fromDataset(await this.datasets.get(caller, id));
  }
}
