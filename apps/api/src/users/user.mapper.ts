import type { User } from '@influencerai/shared';

/** A row of the table `tenant_user`. */
export interface UserRow extends Omit<User, 'isDisabled' | 'createdAt'> {
  disabledAt: Date | null;
  createdAt: Date;
}

export const fromRow = (row: UserRow): User => ({
  tenantId: row.tenantId,
  id: row.id,
  name: row.name,
  isDisabled: row.disabledAt !== null,
  createdAt: row.createdAt.toISOString(),
});
