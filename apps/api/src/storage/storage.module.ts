import { Global, Module } from '@nestjs/common';
import { FilesStorage } from './files.storage.js';
import { Storage } from './storage.js';
import { TenantRoots } from './tenant-roots.js';

@Global()
@Module({ providers: [TenantRoots, { provide: Storage, useClass: FilesStorage }], exports: [Storage, TenantRoots] })
export class StorageModule {}
