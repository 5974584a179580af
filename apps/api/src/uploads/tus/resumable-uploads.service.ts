import type { IncomingHttpHeaders } from 'node:http';
import { finished, PassThrough, Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import { Server } from '@tus/server';
import type { Principal } from '../../auth/principal.js';
import { CONFIG, type Config } from '../../env.js';
import { inBytes } from '../../http/in-bytes.js';
import { newId } from '../../http/new-id.js';
import { Storage } from '../../storage/storage.js';
import { readAnnouncement, readLength } from '../announcement.js';
import { UploadsRepository } from '../uploads.repository.js';
import { STALE_MS, UploadsService } from '../uploads.service.js';
import { TUS_PATH, TUS_VERSION } from './tus-abilities.js';
import { mediaType, refuseHeaders, translate } from './tus-errors.js';
import { TusLocker, tusTenant } from './tus-locker.js';
import { TusStore } from './tus-store.js';

const CHUNK_BYTES = 64 * 1024;
const OFFSET_STREAM = 'application/offset+octet-stream';

/** A request of the tus protocol, without what the service has to say about it. */
export interface TusRequest {
  method: 'POST' | 'HEAD' | 'PATCH';
  /** Empty for a creation. */
  id: string;
  headers: IncomingHttpHeaders;
  body: Readable | undefined;
}

export interface TusAnswer {
  status: number;
  headers: Record<string, string>;
}

/** Uploads that go on where a connection broke: the tus protocol, version 1.0. */
@Injectable()
export class ResumableUploadsService {
  private readonly server: Server;
  private readonly failures = new WeakMap<Request, unknown>();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly uploads: UploadsRepository,
    private readonly datasets: UploadsService,
    storage: Storage,
  ) {
    const { expiresMs, maxBytes } = config.uploads;
    this.server = new Server({
      path: TUS_PATH,
      relativeLocation: true,
      maxSize: maxBytes,
      datastore: new TusStore(uploads, storage, expiresMs),
      locker: new TusLocker(uploads, STALE_MS),
      namingFunction: () => newId(),
      onUploadCreate: async (_request, { id, size, metadata = {} }) => {
        await this.open(id, readLength(size), metadata);
        return {};
      },
      onResponseError: (request, error) => void this.failures.set(request, error),
    });
  }

  /** @throws AppError `upload_not_found`, `validation_failed`, `upload_offset_mismatch`, `tus_version_unsupported`, … */
  async handle({ tenantId }: Principal, { method, id, headers, body }: TusRequest): Promise<TusAnswer> {
    if (headers['tus-resumable'] !== TUS_VERSION) throw new AppError('tus_version_unsupported');
    if (method === 'PATCH' && headers['content-type'] !== OFFSET_STREAM)
      throw mediaType(headers['content-type'] ?? 'none');
    if (method !== 'POST') await this.uploads.getResumable(tenantId, id, this.config.uploads.expiresMs);
    const lent = body && lend(body);
    const request = new Request(`http://localhost${TUS_PATH}/${id}`, {
      method,
      headers: new Headers(Object.entries(headers).filter(isSingle)),
      ...(lent && { body: toWeb(lent.content), duplex: 'half' }),
    } as RequestInit);
    const handled = tusTenant.run(tenantId, () => this.server.handleWeb(request));
    const response = await handled.finally(() => lent?.takeBack());
    if (response.ok) return { status: response.status, headers: tusHeaders(response.headers) };
    throw this.failures.has(request)
      ? translate(this.failures.get(request), { id, limit: inBytes(this.config.uploads.maxBytes) })
      : refuseHeaders(await response.text());
  }

  /** Gives an upload up, also one that goes straight to the bucket. @throws AppError `upload_not_found`, `upload_in_use` */
  async remove({ tenantId }: Principal, id: string): Promise<void> {
    await this.uploads.getAnnounced(tenantId, id, this.config.uploads.expiresMs);
    const claim = await this.uploads.claim(tenantId, id, STALE_MS);
    if (!claim) throw new AppError('upload_in_use', { id });
    await this.datasets.close(claim);
  }

  private async open(id: string, sizeBytes: number, metadata: Record<string, string | null>): Promise<void> {
    const { uploads } = this.config;
    const tenantId = tusTenant.getStore() ?? '';
    readAnnouncement(metadata, uploads);
    const announced = { sizeBytes, metadata };
    await this.uploads.open({ id, tenantId, protocol: 'tus', announced, reservedBytes: sizeBytes }, uploads.maxOpen);
  }
}

const isSingle = (entry: [string, string | string[] | undefined]): entry is [string, string] =>
  typeof entry[1] === 'string';

/**
 * The library leaves what it does not want unread, and the connection would stay stuck behind it: the answer's reader sends
 * its next request on it. So it gets a copy, and the rest is read here to its end.
 */
function lend(body: Readable): { content: Readable; takeBack: () => void } {
  const content = body.pipe(new PassThrough());
  finished(body, { writable: false }, (error) => error && content.destroy(error));
  const takeBack = (): void => {
    body.unpipe(content);
    content.end();
    body.resume();
  };
  return { content, takeBack };
}

/** Node counts chunks rather than bytes unless it is told otherwise, and would take in a whole upload. */
const toWeb = (body: Readable): ReadableStream =>
  Readable.toWeb(body, { strategy: new ByteLengthQueuingStrategy({ highWaterMark: CHUNK_BYTES }) }) as ReadableStream;

/** The protocol's own; what browsers are told is not for the library to say. */
const tusHeaders = (headers: Headers): Record<string, string> =>
  Object.fromEntries([...headers].filter(([name]) => /^(location|cache-control|upload-.+|tus-.+)$/.test(name)));
