import { Injectable } from '@nestjs/common';
import type { CreateUser, ListUsersQuery, Page, UpdateUser, User } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { TokenAuthenticator } from '../auth/token.authenticator.js';
import { UsersRepository } from './users.repository.js';

/** The people and programs of a tenant. Nobody needs a user to call; who has one can be told apart and shut out. */
@Injectable()
export class UsersService {
  constructor(
    private readonly users: UsersRepository,
    private readonly authenticator: TokenAuthenticator,
  ) {}

  /** @throws AppError `user_exists` */
  create({ tenantId }: Principal, input: CreateUser): Promise<User> {
    return this.users.create(tenantId, input);
  }

  list({ tenantId }: Principal, query: ListUsersQuery): Promise<Page<User>> {
    return this.users.list(tenantId, query);
  }

  get({ tenantId }: Principal, id: string): Promise<User> {
    return this.users.getById(tenantId, id);
  }

  async update({ tenantId }: Principal, id: string, input: UpdateUser): Promise<User> {
    const user = await this.users.update(tenantId, id, input);
    this.authenticator.forget();
    return user;
  }

  async delete({ tenantId }: Principal, id: string): Promise<void> {
    await this.users.delete(tenantId, id);
    this.authenticator.forget();
  }
}
