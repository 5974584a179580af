import { Global, Module } from '@nestjs/common';
import { TenantHeaderGuard } from './tenant-header.guard.js';
import { TenantsRepository } from './tenants.repository.js';

@Global()
@Module({ providers: [TenantsRepository, TenantHeaderGuard], exports: [TenantsRepository, TenantHeaderGuard] })
export class TenantsModule {}
