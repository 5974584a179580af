import { Injectable } from '@nestjs/common';
import {
  AppError,
  type CreateTenant,
  isTenantId,
  type ListTenantsQuery,
  type Page,
  type Tenant,
  type UpdateTenant,
} from '@influencerai/shared';
import { Database } from '../database/database.js';
import { isUniqueViolation } from '../database/unique-violation.js';
import { fromRow } from './tenant.mapper.js';

@Injectable()
export class TenantsRepository {
  constructor(private readonly database: Database) {}

  /** Creates the tenant with default limits unless it exists. */
  async ensure(id: string): Promise<void> {
    await this.database.prisma.tenant.createMany({ data: { id }, skipDuplicates: true });
  }

  /** @throws AppError `tenant_exists` */
  async create(input: CreateTenant): Promise<Tenant> {
    try {
      return fromRow(await this.database.prisma.tenant.create({ data: input }));
    } catch (error) {
      if (isUniqueViolation(error)) throw new AppError('tenant_exists', { id: input.id }, { cause: error });
      throw error;
    }
  }

  async list({ take, skip }: ListTenantsQuery): Promise<Page<Tenant>> {
    const [rows, total] = await Promise.all([
      this.database.prisma.tenant.findMany({ take, skip, orderBy: [{ createdAt: 'desc' }, { id: 'desc' }] }),
      this.database.prisma.tenant.count(),
    ]);
    return { data: rows.map(fromRow), total, take, skip };
  }

  /** @throws AppError `tenant_not_found` */
  async getById(id: string): Promise<Tenant> {
    const row = isTenantId(id) ? await this.database.prisma.tenant.findUnique({ where: { id } }) : null;
    if (!row) throw new AppError('tenant_not_found', { id });
    return fromRow(row);
  }

  /** @throws AppError `tenant_not_found` */
  async update(id: string, { isDisabled, ...limits }: UpdateTenant): Promise<Tenant> {
    if (!isTenantId(id)) throw new AppError('tenant_not_found', { id });
    const [row] = await this.database.prisma.tenant.updateManyAndReturn({
      where: { id },
      data: { ...limits, ...disabling(isDisabled) },
    });
    if (!row) throw new AppError('tenant_not_found', { id });
    return fromRow(row);
  }
}

/** The change of the column `disabled_at` that a flag asks for. */
const disabling = (isDisabled: boolean | undefined) =>
  isDisabled === undefined ? {} : { disabledAt: isDisabled ? new Date() : null };
