import { Injectable } from '@nestjs/common';
import {
  ACTIVE_STATUSES,
  AppError,
  type CreateLoraConfig,
  type ListLoraConfigsQuery,
  type LoraConfig,
  type Page,
  type UpdateLoraConfig,
} from '@influencerai/shared';
import { TenantDatabase } from '../database/tenant-database.js';
import type { Prisma } from '../database/generated/client.js';
import { isUniqueViolation } from '../database/unique-violation.js';
import { isUuid } from '../http/is-uuid.js';
import { newId } from '../http/new-id.js';
import type { WithId } from '../idempotency/creation-id.js';
import { fromRow } from './lora-config.mapper.js';

/**
 * Locks are taken in one order, tenant before configuration, as the creation of jobs does. The tenant's row is locked
 * by whoever makes a configuration the default, so that two of them come one after the other.
 */
@Injectable()
export class LoraConfigsRepository {
  constructor(private readonly database: TenantDatabase) {}

  /** @throws AppError `lora_config_name_taken` */
  async create(tenantId: string, { id = newId(), ...input }: WithId<CreateLoraConfig>): Promise<LoraConfig> {
    return this.write(tenantId, input.name, async (transaction) => {
      if (input.isDefault) await clearDefault(transaction, tenantId);
      return fromRow(await transaction.loraConfig.create({ data: { ...toData(input), id, tenantId } }));
    });
  }

  /** @throws AppError `lora_config_not_found` */
  async getById(tenantId: string, id: string): Promise<LoraConfig> {
    const find = { where: { id, tenantId } };
    const row = isUuid(id) ? await this.database.read(tenantId, (prisma) => prisma.loraConfig.findFirst(find)) : null;
    if (!row) throw new AppError('lora_config_not_found', { id });
    return fromRow(row);
  }

  async list(tenantId: string, query: ListLoraConfigsQuery): Promise<Page<LoraConfig>> {
    const { isDefault, modelName, take, skip, sortBy, sortOrder } = query;
    const where = { tenantId, isDefault, modelName };
    const page = { where, take, skip, orderBy: [{ [sortBy]: sortOrder }, { id: sortOrder }] };
    const { rows, total } = await this.database.read(tenantId, async (prisma) => ({
      rows: await prisma.loraConfig.findMany(page),
      total: await prisma.loraConfig.count({ where }),
    }));
    return { data: rows.map(fromRow), total, take, skip };
  }

  /** @throws AppError `lora_config_not_found`, `lora_config_name_taken` */
  async update(tenantId: string, id: string, input: UpdateLoraConfig): Promise<LoraConfig> {
    if (!isUuid(id)) throw new AppError('lora_config_not_found', { id });
    return this.write(tenantId, input.name, async (transaction) => {
      if (input.isDefault) await clearDefault(transaction, tenantId, id);
      const [row] = await transaction.loraConfig.updateManyAndReturn({ where: { id, tenantId }, data: toData(input) });
      if (!row) throw new AppError('lora_config_not_found', { id });
      return fromRow(row);
    });
  }

  /**
   * Deletes a configuration and returns it. The creation of a job holds a share lock on it, so that none can come between
   * the count and the deletion.
   * @throws AppError `lora_config_not_found`, `lora_config_in_use`
   */
  async delete(tenantId: string, id: string): Promise<LoraConfig> {
    if (!isUuid(id)) throw new AppError('lora_config_not_found', { id });
    return this.database.write(tenantId, async (transaction) => {
      const locked = await transaction.$queryRaw<
        unknown[]
      >`select 1 from lora_config where id = ${id}::uuid and tenant_id = ${tenantId} for update`;
      if (locked.length === 0) throw new AppError('lora_config_not_found', { id });
      const count = await transaction.job.count({
        where: { tenantId, loraConfigId: id, status: { in: ACTIVE_STATUSES } },
      });
      if (count > 0) throw new AppError('lora_config_in_use', { id, count });
      return fromRow(await transaction.loraConfig.delete({ where: { id } }));
    });
  }

  /**
   * A unique violation can only be the name, as whoever sets the default holds the tenant's lock; or the id, of a request
   * that is repeated and finds the row by it.
   */
  private async write(
    tenantId: string,
    name: string | undefined,
    work: (transaction: Prisma.TransactionClient) => Promise<LoraConfig>,
  ): Promise<LoraConfig> {
    try {
      return await this.database.write(tenantId, work);
    } catch (error) {
      if (isUniqueViolation(error)) throw new AppError('lora_config_name_taken', { name }, { cause: error });
      throw error;
    }
  }
}

/** Unsets the default of a tenant, and keeps other requests from setting one until this transaction is over. */
async function clearDefault(transaction: Prisma.TransactionClient, tenantId: string, exceptId?: string): Promise<void> {
  await transaction.$queryRaw`select 1 from tenant where id = ${tenantId} for no key update`;
  await transaction.loraConfig.updateMany({
    where: { tenantId, isDefault: true, id: { not: exceptId } },
    data: { isDefault: false },
  });
}

/** Fields of a configuration as Prisma takes them. */
const toData = <T extends UpdateLoraConfig>(input: T) => ({
  ...input,
  meta: input.meta as Prisma.InputJsonObject | undefined,
});
