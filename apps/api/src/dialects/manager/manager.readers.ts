import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { DatasetsService } from '../../datasets/datasets.service.js';
import type { Reader } from '../../idempotency/reader.js';
import { JobsService } from '../../jobs/jobs.service.js';
import { fromDataset } from './manager-datasets.mapper.js';
import type { ManagerDataset } from './manager-datasets.schema.js';
import { fromJob } from './manager-jobs.mapper.js';
import type { ManagerJob } from './manager-jobs.schema.js';

/** What a repeated upload answers. */
@Injectable()
export class ManagerDatasets implements Reader {
  constructor(private readonly datasets: DatasetsService) {}

  async get(caller: Principal, id: string): Promise<ManagerDataset> {
    return fromDataset(await this.datasets.get(caller, id));
  }
}

/** What a repeated creation of a job answers. */
@Injectable()
export class ManagerJobs implements Reader {
  constructor(private readonly jobs: JobsService) {}

  async get(caller: Principal, id: string): Promise<ManagerJob> {
    return fromJob(await this.jobs.getRecord(caller, id));
  }
}
