import { Global, Module } from '@nestjs/common';
import { Database } from './database.js';
import { TenantDatabase } from './tenant-database.js';

@Global()
@Module({ providers: [Database, TenantDatabase], exports: [Database, TenantDatabase] })
export class DatabaseModule {}
