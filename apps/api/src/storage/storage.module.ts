import { Global, Module } from '@nestjs/common';
import { FilesStorage } from './files.storage.js';
import { Storage } from './storage.js';

@Global()
@Module({ providers: [{ provide: Storage, useClass: FilesStorage }], exports: [Storage] })
export class StorageModule {}
