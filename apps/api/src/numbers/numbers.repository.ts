import { Injectable } from '@nestjs/common';
import { TenantDatabase } from '../database/tenant-database.js';

/** Tables whose rows have numbers, and how a missing row is refused. */
export const NUMBERED = { dataset: 'dataset_not_found', job: 'job_not_found', project: 'project_not_found' } as const;
export type Numbered = keyof typeof NUMBERED;

@Injectable()
export class NumbersRepository {
  constructor(private readonly database: TenantDatabase) {}

  /** Ids by number; of numbers that no row of the tenant has there is none. */
  async findIds(tenantId: string, table: Numbered, numbers: readonly number[]): Promise<Map<number, string>> {
    const query = {
      name: `${table}-by-number`,
      text: `select id, number from ${table} where tenant_id = $1 and number = any($2::bigint[])`,
    };
    const rows = await this.database.query<{ id: string; number: number }>(tenantId, query, [tenantId, numbers]);
    return new Map(rows.map(({ id, number }) => [number, id]));
  }
}
