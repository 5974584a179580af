import type { Readable } from 'node:stream';
import { DataStore, Upload } from '@tus/server';
import type { Storage } from '../../storage/storage.js';
import { receivedKey } from '../upload-keys.js';
import type { UploadsRepository } from '../uploads.repository.js';
import { TUS_EXTENSIONS } from './tus-abilities.js';
import { currentTenant } from './tus-locker.js';

/** Keeps what the tus library receives in the service's own storage, and what it knows of an upload in its row. */
export class TusStore extends DataStore {
  constructor(
    private readonly uploads: UploadsRepository,
    private readonly storage: Storage,
    private readonly expiresMs: number,
  ) {
    super();
    this.extensions = [...TUS_EXTENSIONS];
  }

  /** The row is there already; the file comes with its first byte. */
  override create(upload: Upload): Promise<Upload> {
    return Promise.resolve(upload);
  }

  override async write(content: Readable, id: string, offset: number): Promise<number> {
    await this.storage.append(receivedKey(id), content, offset);
    return this.receivedBytes(id);
  }

  /** `creation_date` is when it was last worked on: whoever goes on uploading is given time. */
  override async getUpload(id: string): Promise<Upload> {
    const { announced, touchedAt } = await this.uploads.getResumable(currentTenant(), id, this.expiresMs);
    return new Upload({
      id,
      size: announced.sizeBytes,
      offset: await this.receivedBytes(id),
      metadata: announced.metadata,
      creation_date: touchedAt.toISOString(),
    });
  }

  override getExpiration(): number {
    return this.expiresMs;
  }

  private async receivedBytes(id: string): Promise<number> {
    return (await this.storage.stat(receivedKey(id)))?.sizeBytes ?? 0;
  }
}
