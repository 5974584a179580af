import { Global, Module } from '@nestjs/common';
import { CONFIG, type Config } from '../env.js';
import { FilesStorage } from './files.storage.js';
import { S3Storage } from './s3.storage.js';
import { Storage } from './storage.js';
import { TenantRoots } from './tenant-roots.js';

const storage = {
  provide: Storage,
  inject: [CONFIG, TenantRoots],
  useFactory: (config: Config, roots: TenantRoots): Storage =>
    config.storage.s3 ? new S3Storage(config.storage.s3, roots) : new FilesStorage(config, roots),
};

@Global()
@Module({ providers: [TenantRoots, storage], exports: [Storage, TenantRoots] })
export class StorageModule {}
