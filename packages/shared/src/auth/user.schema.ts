import { z } from 'zod';
import { PageQuerySchema, pageSchema } from '../http/page.schema.js';

/** The subject of the tenant's tokens, or any name it chooses. */
export const UserIdSchema = z.string().regex(/^[\x21-\x7e]{1,128}$/, 'Must be 1 to 128 visible ASCII characters.');

const name = z.string().trim().min(1).max(200).nullable().describe('Shown to people.');

export const CreateUserSchema = z
  .strictObject({ id: UserIdSchema, name: name.default(null) })
  .meta({ example: { id: 'ada', name: 'Ada Lovelace' } });
export type CreateUser = z.infer<typeof CreateUserSchema>;

export const UpdateUserSchema = z
  .strictObject({ name, isDisabled: z.boolean().describe('A disabled user is refused, whatever the credential.') })
  .partial()
  .meta({ example: { isDisabled: true } });
export type UpdateUser = z.infer<typeof UpdateUserSchema>;

export const ListUsersQuerySchema = PageQuerySchema;
export type ListUsersQuery = z.infer<typeof ListUsersQuerySchema>;

export const UserSchema = z
  .object({
    tenantId: z.string(),
    id: z.string(),
    name: z.string().nullable(),
    isDisabled: z.boolean(),
    createdAt: z.iso.datetime(),
  })
  .meta({
    example: {
      tenantId: 'tenant_demo',
      id: 'ada',
      name: 'Ada Lovelace',
      isDisabled: false,
      createdAt: '2026-01-15T11:00:00.000Z',
    },
  });
export type User = z.infer<typeof UserSchema>;

export const UserPageSchema = pageSchema(UserSchema);
