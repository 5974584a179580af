import { APIError } from '../core/api-error.js';
import type { RequestOptions, UploadBody } from '../core/request-options.js';
import type { Transport } from '../core/request.js';
import type { Dataset, DatasetKind, DirectUpload } from '../generated/types.js';
import { path } from '../internal/path.js';
import { backoffMs, retryDelayMs } from '../internal/retry-policy.js';
import { sleep } from '../internal/sleep.js';
import { toSource, type UploadSource } from '../internal/upload-source.js';

const PIECE_BYTES = 16 * 1024 * 1024;
const TIMEOUT_MS = 10 * 60 * 1000;
const MAX_RETRIES = 5;
const TUS = { 'tus-resumable': '1.0.0' };

/** A file to upload. In Node, `fs.openAsBlob(path)` makes a body of a file without reading it. */
export interface UploadFile {
  /** Its name; its ending says what it is: a picture, rows, or a `.zip`, `.tar`, `.tar.gz` or `.tgz` of them. */
  name: string;
  body: UploadBody;
  /** Needed when the body is a stream. */
  sizeBytes?: number;
}

/** What the uploaded files are. */
export interface UploadedDataset {
  kind: DatasetKind;
  /** What to call it; kept as `meta.name`. */
  name?: string;
  meta?: Record<string, unknown>;
}

/** Options of `datasets.upload`. */
export interface UploadOptions extends RequestOptions {
  /** Called as bytes arrive; of several files together only at the end. */
  onProgress?: (progress: { sentBytes: number; totalBytes: number }) => void;
}

/** The files of datasets. */
export class DatasetUploads {
  /** @internal */
  constructor(protected readonly transport: Transport) {}

  /**
   * Makes a dataset of one file or archive, or of several files, without holding them in memory. One file is sent in
   * pieces and goes on where a broken connection left it; of a stream the last piece is held for that, 16 MiB. Several
   * files go in one request and must be Blobs or bytes.
   *
   * @example
   * ```ts
   * const body = await fs.openAsBlob('portraits.tar.gz');
   * const dataset = await client.datasets.upload({ name: 'portraits.tar.gz', body }, { kind: 'lora-training' });
   * ```
   */
  async upload(
    files: UploadFile | readonly UploadFile[],
    dataset: UploadedDataset,
    options: UploadOptions = {},
  ): Promise<Dataset> {
    return 'body' in files ? this.uploadOne(files, dataset, options) : this.uploadForm(files, dataset, options);
  }

  /**
   * Makes a dataset of one file or archive of up to 5 GiB that goes straight to the bucket, past the API; where files lie
   * in no bucket it is sent as by `upload`. It goes in one request, so a broken connection starts it anew.
   *
   * @example
   * ```ts
   * const body = await fs.openAsBlob('portraits.tar.gz');
   * await client.datasets.uploadDirect({ name: 'portraits.tar.gz', body }, { kind: 'lora-training' });
   * ```
   */
  async uploadDirect(
    file: UploadFile & { body: Blob | Uint8Array },
    dataset: UploadedDataset,
    options: UploadOptions = {},
  ): Promise<Dataset> {
    const { onProgress, ...plain } = options;
    const body = toBlob(file.body, file.name);
    const announced = { ...dataset, filename: file.name, sizeBytes: body.size };
    const begun = await this.transport
      .json<DirectUpload>({ method: 'POST', path: '/uploads/direct', body: announced, options: plain })
      .catch((error: unknown) => {
        if (error instanceof APIError && error.code === 'direct_upload_unsupported') return undefined;
        throw error;
      });
    if (!begun) return this.uploadOne(file, dataset, options);
    await this.transport.put(begun.url, body, { timeoutMs: TIMEOUT_MS, ...plain });
    onProgress?.({ sentBytes: body.size, totalBytes: body.size });
    return this.finish(begun.id, plain);
  }

  private async uploadForm(
    files: readonly UploadFile[],
    { kind, name, meta }: UploadedDataset,
    { onProgress, ...options }: UploadOptions,
  ): Promise<Dataset> {
    const form = new FormData();
    form.append('kind', kind);
    if (name !== undefined) form.append('name', name);
    if (meta !== undefined) form.append('meta', JSON.stringify(meta));
    const blobs = files.map(({ name, body }) => ({ name, blob: toBlob(body, name) }));
    for (const { name, blob } of blobs) form.append('files', blob, name);
    const created = await this.transport.json<Dataset>({
      method: 'POST',
      path: '/datasets/upload',
      form,
      isCreation: true,
      options: { timeoutMs: TIMEOUT_MS, ...options },
    });
    const totalBytes = blobs.reduce((sum, { blob }) => sum + blob.size, 0);
    onProgress?.({ sentBytes: totalBytes, totalBytes });
    return created;
  }

  private async uploadOne(file: UploadFile, dataset: UploadedDataset, options: UploadOptions): Promise<Dataset> {
    const { onProgress: _, ...plain } = options;
    const source = toSource(file.body, PIECE_BYTES, file.sizeBytes);
    const { headers } = await this.transport.raw({
      method: 'POST',
      path: '/uploads',
      headers: { ...TUS, 'upload-length': String(source.sizeBytes), 'upload-metadata': toMetadata(file, dataset) },
      options: plain,
    });
    const id = headers.get('location')?.split('/').at(-1) ?? '';
    await this.send(id, source, options);
    return this.finish(id, plain);
  }

  private finish(id: string, options: RequestOptions): Promise<Dataset> {
    return this.transport.json<Dataset>({
      method: 'POST',
      path: path`/uploads/${id}/dataset`,
      isRepeatable: true,
      options: { timeoutMs: TIMEOUT_MS, ...options },
    });
  }

  /** Piece after piece. After a failure that may pass, the server is asked where to go on. */
  private async send(id: string, source: UploadSource, { onProgress, ...options }: UploadOptions): Promise<void> {
    const { maxRetries = MAX_RETRIES, signal } = options;
    let failures = 0;
    for (let offset = 0; offset < source.sizeBytes;) {
      const piece = await source.pieceAt(offset);
      try {
        offset = await this.sendPiece(id, { piece, offset, options });
        failures = 0;
      } catch (error) {
        const delayMs = failures < maxRetries ? delayAfter(error, failures) : undefined;
        if (delayMs === undefined) throw error;
        failures += 1;
        await sleep(delayMs, signal);
        offset = await this.askOffset(id, options);
      }
      onProgress?.({ sentBytes: offset, totalBytes: source.sizeBytes });
    }
  }

  private async sendPiece(id: string, { piece, offset, options }: Piece): Promise<number> {
    const { headers } = await this.transport.raw({
      method: 'PATCH',
      path: path`/uploads/${id}`,
      headers: { ...TUS, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
      upload: piece,
      // What is tried again must begin where the server says.
      options: { timeoutMs: TIMEOUT_MS, ...options, maxRetries: 0 },
    });
    return Number(headers.get('upload-offset'));
  }

  private async askOffset(id: string, options: RequestOptions): Promise<number> {
    const request = { method: 'HEAD', path: path`/uploads/${id}`, headers: TUS, options } as const;
    return Number((await this.transport.raw(request)).headers.get('upload-offset'));
  }
}

interface Piece {
  piece: UploadBody;
  offset: number;
  options: RequestOptions;
}

/** Another offset than ours, or a request of ours that has not noticed its end yet, is no reason to give up. */
const delayAfter = (error: unknown, attempt: number): number | undefined =>
  error instanceof APIError && (error.code === 'upload_offset_mismatch' || error.status === 423)
    ? backoffMs(attempt)
    : retryDelayMs(error, { attempt, isRepeatable: true });

function toBlob(body: UploadBody, name: string): Blob {
  if (body instanceof Blob) return body;
  if (body instanceof Uint8Array || body instanceof ArrayBuffer) return new Blob([body as Uint8Array<ArrayBuffer>]);
  throw new TypeError(`${name} is a stream: upload it alone, or give a Blob.`);
}

function toMetadata({ name: filename }: UploadFile, { kind, name, meta }: UploadedDataset): string {
  const fields = { filename, kind, name, meta: meta && JSON.stringify(meta) };
  return Object.entries(fields)
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key} ${toBase64(value)}`]))
    .join(',');
}

const toBase64 = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
