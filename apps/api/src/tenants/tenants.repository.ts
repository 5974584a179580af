import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';

@Injectable()
export class TenantsRepository {
  constructor(private readonly database: Database) {}

  /** Creates the tenant with default limits unless it exists. */
  async ensure(id: string): Promise<void> {
    await this.database.prisma.tenant.createMany({ data: { id }, skipDuplicates: true });
  }
}
