import { Injectable } from '@nestjs/common';
import type { PreparedQuery } from '../database/connections.js';
import { TenantDatabase } from '../database/tenant-database.js';

/** A dataset by its row; the tenant is named in every statement. */
export interface DatasetRef {
  tenantId: string;
  id: string;
}

/** The content of a file in one version. */
export interface KnownFile {
  name: string;
  version: string;
  sizeBytes: number;
  sha256: string;
}

@Injectable()
export class DatasetFilesRepository {
  constructor(private readonly database: TenantDatabase) {}

  /** What was hashed so far. */
  async list({ tenantId, id }: DatasetRef): Promise<KnownFile[]> {
    return this.database.query<KnownFile>(tenantId, LIST, [tenantId, id]);
  }

  async find({ tenantId, id }: DatasetRef, name: string): Promise<KnownFile | undefined> {
    const [file] = await this.database.query<KnownFile>(tenantId, FIND, [tenantId, id, name]);
    return file;
  }

  /** Keeps the hashes of files, in place of those of earlier versions. */
  async put({ tenantId, id }: DatasetRef, files: readonly KnownFile[]): Promise<void> {
    // In one order everywhere, so that two replicas that write together do not wait for each other.
    const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
    const column = <K extends keyof KnownFile>(key: K) => sorted.map((file) => file[key]);
    await this.database.query(tenantId, PUT, [
      tenantId,
      id,
      column('name'),
      column('version'),
      column('sizeBytes'),
      column('sha256'),
    ]);
  }

  /** Forgets files that are gone. */
  async remove({ tenantId, id }: DatasetRef, names: readonly string[]): Promise<void> {
    await this.database.query(tenantId, REMOVE, [tenantId, id, names]);
  }
}

const COLUMNS = 'name, version, size_bytes as "sizeBytes", sha256';

const LIST: PreparedQuery = {
  name: 'dataset-file-list',
  text: `select ${COLUMNS} from dataset_file where tenant_id = $1 and dataset_id = $2`,
};

const FIND: PreparedQuery = {
  name: 'dataset-file-find',
  text: `select ${COLUMNS} from dataset_file where tenant_id = $1 and dataset_id = $2 and name = $3`,
};

const PUT: PreparedQuery = {
  name: 'dataset-file-put',
  text: `insert into dataset_file (tenant_id, dataset_id, name, version, size_bytes, sha256)
    select $1, $2, file.* from unnest($3::text[], $4::text[], $5::bigint[], $6::text[]) file
    on conflict (dataset_id, name) do update
      set version = excluded.version, size_bytes = excluded.size_bytes, sha256 = excluded.sha256`,
};

const REMOVE: PreparedQuery = {
  name: 'dataset-file-remove',
  text: `delete from dataset_file where tenant_id = $1 and dataset_id = $2 and name = any($3::text[])`,
};
