import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { JobDataset } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { type DatasetFile, DatasetFilesService, type DatasetSource } from '../datasets/dataset-files.service.js';
import type { ByteRange } from '../storage/storage.js';
import { JobsRepository } from './jobs.repository.js';

/** What a job learns from, for workers that do not share a folder with the API. */
@Injectable()
export class JobDatasetService {
  constructor(
    private readonly jobs: JobsRepository,
    private readonly files: DatasetFilesService,
  ) {}

  /** @throws AppError `job_not_found`, `dataset_unreadable` */
  async list({ tenantId }: Principal, id: string): Promise<JobDataset> {
    const { files, digest } = await this.files.list(await this.sourceOf(tenantId, id));
    const data = files.map(({ name, sizeBytes, sha256 }) => ({ name, sizeBytes, sha256, url: urlOf(id, name) }));
    return { data, digest };
  }

  /** @throws AppError `job_not_found`, `dataset_file_not_found` */
  async get({ tenantId }: Principal, id: string, name: string): Promise<DatasetFile> {
    return this.files.get(await this.sourceOf(tenantId, id), name);
  }

  read(file: DatasetFile, range: ByteRange | undefined): Readable {
    return this.files.read(file, range);
  }

  private async sourceOf(tenantId: string, id: string): Promise<DatasetSource> {
    const { kind, dataset } = (await this.jobs.getRecord(tenantId, id)).spec;
    return { tenantId, id: dataset.id, path: dataset.path, kind };
  }
}

const urlOf = (jobId: string, name: string): string => `/jobs/${jobId}/dataset/files?name=${encodeURIComponent(name)}`;
