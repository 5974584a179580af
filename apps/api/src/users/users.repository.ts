import { Injectable } from '@nestjs/common';
import {
  AppError,
  type CreateUser,
  type ListUsersQuery,
  type Page,
  type UpdateUser,
  type User,
  UserIdSchema,
} from '@influencerai/shared';
import { TenantDatabase } from '../database/tenant-database.js';
import { isUniqueViolation } from '../database/unique-violation.js';
import { fromRow } from './user.mapper.js';

@Injectable()
export class UsersRepository {
  constructor(private readonly database: TenantDatabase) {}

  /** @throws AppError `user_exists` */
  async create(tenantId: string, input: CreateUser): Promise<User> {
    try {
      return fromRow(
        await this.database.write(tenantId, (prisma) => prisma.tenantUser.create({ data: { ...input, tenantId } })),
      );
    } catch (error) {
      if (isUniqueViolation(error)) throw new AppError('user_exists', { id: input.id }, { cause: error });
      throw error;
    }
  }

  async list(tenantId: string, { take, skip }: ListUsersQuery): Promise<Page<User>> {
    const where = { tenantId };
    const { rows, total } = await this.database.read(tenantId, async (prisma) => ({
      rows: await prisma.tenantUser.findMany({ where, take, skip, orderBy: [{ createdAt: 'desc' }, { id: 'desc' }] }),
      total: await prisma.tenantUser.count({ where }),
    }));
    return { data: rows.map(fromRow), total, take, skip };
  }

  /** @throws AppError `user_not_found` */
  async getById(tenantId: string, id: string): Promise<User> {
    assertUserId(id);
    const row = await this.database.read(tenantId, (prisma) =>
      prisma.tenantUser.findFirst({ where: { tenantId, id } }),
    );
    if (!row) throw new AppError('user_not_found', { id });
    return fromRow(row);
  }

  /** @throws AppError `user_not_found` */
  async update(tenantId: string, id: string, { name, isDisabled }: UpdateUser): Promise<User> {
    assertUserId(id);
    const change = {
      where: { tenantId, id },
      data: { name, ...(isDisabled !== undefined && { disabledAt: isDisabled ? new Date() : null }) },
    };
    const [row] = await this.database.write(tenantId, (prisma) => prisma.tenantUser.updateManyAndReturn(change));
    if (!row) throw new AppError('user_not_found', { id });
    return fromRow(row);
  }

  /** Removes the user with its keys. @throws AppError `user_not_found` */
  async delete(tenantId: string, id: string): Promise<void> {
    assertUserId(id);
    const removed = { where: { tenantId, id } };
    const { count } = await this.database.write(tenantId, (prisma) => prisma.tenantUser.deleteMany(removed));
    if (count === 0) throw new AppError('user_not_found', { id });
  }
}

/** What cannot be an id is nobody's. */
function assertUserId(id: string): void {
  if (!UserIdSchema.safeParse(id).success) throw new AppError('user_not_found', { id });
}
