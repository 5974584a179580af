import { Injectable } from '@nestjs/common';
import type { CreateTenant, ListTenantsQuery, Page, Tenant, UpdateTenant } from '@influencerai/shared';
import { TokenAuthenticator } from '../auth/token.authenticator.js';
import { Dispatcher } from '../dispatcher/dispatcher.js';
import { TenantsRepository } from './tenants.repository.js';

@Injectable()
export class TenantsService {
  constructor(
    private readonly tenants: TenantsRepository,
    private readonly authenticator: TokenAuthenticator,
    private readonly dispatcher: Dispatcher,
  ) {}

  /** @throws AppError `tenant_exists` */
  async create(input: CreateTenant): Promise<Tenant> {
    const tenant = await this.tenants.create(input);
    this.authenticator.forget();
    return tenant;
  }

  list(query: ListTenantsQuery): Promise<Page<Tenant>> {
    return this.tenants.list(query);
  }

  get(id: string): Promise<Tenant> {
    return this.tenants.getById(id);
  }

  /** A higher limit starts queued jobs; a disabled tenant is refused, while its jobs go on. */
  async update(id: string, input: UpdateTenant): Promise<Tenant> {
    const tenant = await this.tenants.update(id, input);
    this.authenticator.forget();
    this.dispatcher.wake();
    return tenant;
  }
}
