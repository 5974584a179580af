import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { fieldError } from '@influencerai/shared';
import { problemOfPublicPath } from './public-path.js';
import { partsOf, untilBroken } from './parts-of.js';
import { type S3Settings, connect } from './s3-client.js';
import { isMissing, toStorageError, unavailable } from './s3-errors.js';
import { assertKey } from './storage-key.js';
import {
  type ByteRange,
  type Listing,
  type SignedUpload,
  type SignDownload,
  type SignUpload,
  Storage,
  type WriteOptions,
  type Written,
} from './storage.js';
import type { TenantPath, TenantRoots } from './tenant-roots.js';
import { orRetract } from './write-whole.js';

/** Held in memory for each write: one part that fills while nothing is sent. 10,000 of them are a file of 80 GiB. */
const PART_BYTES = 8 * 1024 * 1024;
/** What S3 takes for a part that is not the last, and at most copies at once. */
const MIN_PART_BYTES = 5 * 1024 * 1024;
const MAX_COPY_BYTES = 1024 * 1024 * 1024;
const PAGE = 1000;
/** The end of a write must reach the store even when what it was for is given up. */
const CLEANUP_MS = 10_000;

/** Storage in a bucket of any store that speaks S3. Keys are the same as those of files, below a prefix. */
export class S3Storage extends Storage {
  private readonly client;
  private readonly signer;

  constructor(
    private readonly settings: S3Settings,
    private readonly roots: TenantRoots,
  ) {
    super();
    this.client = connect(settings, settings.endpoint);
    this.signer = connect(settings, settings.publicEndpoint ?? settings.endpoint);
  }

  locate(where: TenantPath, field = 'path'): Promise<string> {
    const problem = problemOfPublicPath(where.path) ?? this.roots.problemOf(where);
    if (problem) return Promise.reject(fieldError([field], problem));
    return Promise.resolve(this.roots.keyOf(where));
  }

  /** A bucket has no folders that could refuse a file. */
  async assertWritable(where: TenantPath, field = 'path'): Promise<void> {
    await this.locate(where, field);
  }

  async exists(where: TenantPath): Promise<boolean> {
    return (await this.list(where, 1)) !== undefined;
  }

  async list(where: TenantPath, limit: number): Promise<Listing | undefined> {
    const key = await this.locate(where);
    const listing: Listing = { isFolder: true, files: [], skipped: [], isTruncated: false };
    let seen = 0;
    for await (const object of this.objectsBelow(key)) {
      if (++seen > limit) {
        listing.isTruncated = true;
        break;
      }
      const name = object.key.slice(key.length + 1);
      if (isVisible(name)) listing.files.push({ ...object, name });
    }
    if (seen > 0) return { ...listing, files: listing.files.sort((a, b) => (a.name < b.name ? -1 : 1)) };
    const found = await this.stat(key);
    if (!found) return undefined;
    return { ...listing, isFolder: false, files: [{ key, name: key.slice(key.lastIndexOf('/') + 1), ...found }] };
  }

  async write(key: string, content: Readable, options: WriteOptions = {}): Promise<Written> {
    // It may break before anything reads it, which would end the process; whoever reads it finds the error later.
    content.on('error', () => undefined);
    try {
      return await this.writeParts(this.at(key), content, options);
    } finally {
      // As with files: to destroy an upload would cut the connection that the error answer is sent on.
      content.resume();
    }
  }

  /**
   * Objects cannot grow: a new one is made of what the old one holds, which the store copies by itself, and what comes
   * now. Readers see it when the stream is over.
   */
  async append(key: string, content: Readable, offset: number): Promise<void> {
    let broken: Error | undefined;
    content.on('error', (error) => (broken = error));
    await this.extend(this.at(key), content, offset);
    if (broken) throw broken;
  }

  read(key: string, range?: ByteRange): Readable {
    return Readable.from(
      this.readChunks(() => this.at(key), range),
      { objectMode: false },
    );
  }

  async stat(key: string): Promise<{ sizeBytes: number; version: string } | undefined> {
    const where = this.at(key);
    try {
      const { ContentLength = 0, ETag = '' } = await this.client.send(new HeadObjectCommand(where));
      return { sizeBytes: ContentLength, version: ETag };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw toStorageError(error);
    }
  }

  async remove(key: string): Promise<void> {
    const command = new DeleteObjectCommand(this.at(key));
    await this.send(() => this.client.send(command));
  }

  async removeFolder(key: string): Promise<void> {
    const { Bucket } = this.at(key);
    let Objects: { Key: string }[] = [];
    const flush = async (): Promise<void> => {
      if (Objects.length === 0) return;
      const { Errors = [] } = await this.send(() =>
        this.client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } })),
      );
      if (Errors[0]) throw toStorageError(new Error(`${Errors[0].Code}: ${Errors[0].Message}`));
      Objects = [];
    };
    for await (const object of this.objectsBelow(key)) {
      Objects.push({ Key: this.at(object.key).Key });
      if (Objects.length === PAGE) await flush();
    }
    await flush();
  }

  async check(): Promise<void> {
    try {
      await this.client.send(new HeadBucketCommand({ Bucket: this.settings.bucket }));
    } catch (error) {
      throw unavailable(error);
    }
  }

  override signDownload(key: string, { expiresInSeconds, fileName, contentType }: SignDownload): Promise<string> {
    const command = new GetObjectCommand({
      ...this.at(key),
      ResponseContentType: contentType,
      // Names of artifacts are plain letters, digits, dots and dashes.
      ResponseContentDisposition: `attachment; filename="${fileName}"`,
      ResponseCacheControl: 'private, no-store',
    });
    return this.send(() => getSignedUrl(this.signer, command, { expiresIn: expiresInSeconds }));
  }

  override async signUpload(key: string, { expiresInSeconds, sizeBytes }: SignUpload): Promise<SignedUpload> {
    const command = new PutObjectCommand({ ...this.at(key), ContentLength: sizeBytes });
    // The store then refuses another size.
    const options = { expiresIn: expiresInSeconds, signableHeaders: new Set(['host', 'content-length']) };
    const url = await this.send(() => getSignedUrl(this.signer, command, options));
    return { url, method: 'PUT', headers: { 'content-length': String(sizeBytes) } };
  }

  private at(key: string): ObjectName {
    assertKey(key);
    const { bucket, prefix } = this.settings;
    return { Bucket: bucket, Key: prefix === '' ? key : `${prefix}/${key}` };
  }

  /**
   * Small content goes in one request, larger in parts that appear together or not at all. So does what is yet to be
   * accepted, whatever its size: it is asked for when the store has all bytes.
   */
  private async writeParts(at: ObjectName, content: Readable, options: WriteOptions): Promise<Written> {
    const { signal, accept, retract } = options;
    const hash = createHash('sha256');
    let sizeBytes = 0;
    let upload: MultipartUpload | undefined;
    try {
      for await (const { body, isLast } of partsOf(content, { partBytes: PART_BYTES, signal })) {
        hash.update(body);
        sizeBytes += body.length;
        if (isLast && !upload && !accept) {
          await this.put(at, body, signal);
          return { sizeBytes, sha256: hash.digest('hex') };
        }
        upload ??= await this.begin(at, signal);
        await this.sendPart(upload, body, signal);
      }
      if (!upload) throw new Error('There is always a last part.');
      const [stored, written] = [upload, { sizeBytes, sha256: hash.digest('hex') }];
      await accept?.(written);
      await orRetract(retract, () => this.complete(stored, signal));
      return written;
    } catch (error) {
      if (upload) await this.abort(upload);
      throw error;
    }
  }

  private async put(at: ObjectName, Body: Buffer, signal?: AbortSignal): Promise<void> {
    const command = new PutObjectCommand({ ...at, Body });
    await this.send(() => this.client.send(command, { abortSignal: signal }), signal);
  }

  private async extend(at: ObjectName, content: Readable, offset: number): Promise<void> {
    const isCopied = offset >= MIN_PART_BYTES;
    const upload = await this.begin(at);
    try {
      if (isCopied) await this.copyParts(upload, offset);
      const before = isCopied || offset === 0 ? [] : [this.readChunks(() => at, { start: 0, end: offset - 1 })];
      const whole = Readable.from(inTurn([...before, untilBroken(content)]), { objectMode: false });
      for await (const { body } of partsOf(whole, { partBytes: PART_BYTES })) {
        // An empty part is needed only where there is no other.
        if (body.length > 0 || upload.parts.length === 0) await this.sendPart(upload, body);
      }
      await this.complete(upload);
    } catch (error) {
      await this.abort(upload);
      throw error;
    }
  }

  /** The first bytes of the object that is to be replaced. No part may be smaller than the store's least. */
  private async copyParts({ at, parts }: MultipartUpload, sizeBytes: number): Promise<void> {
    const count = Math.ceil(sizeBytes / MAX_COPY_BYTES);
    const step = Math.ceil(sizeBytes / count);
    for (let start = 0; start < sizeBytes; start += step) {
      const PartNumber = parts.length + 1;
      const CopySourceRange = `bytes=${start}-${Math.min(start + step, sizeBytes) - 1}`;
      const CopySource = `${at.Bucket}/${at.Key.split('/').map(encodeURIComponent).join('/')}`;
      const command = new UploadPartCopyCommand({ ...at, PartNumber, CopySource, CopySourceRange });
      const { CopyPartResult } = await this.send(() => this.client.send(command));
      parts.push({ PartNumber, ETag: CopyPartResult?.ETag });
    }
  }

  private async begin(at: ObjectName, signal?: AbortSignal): Promise<MultipartUpload> {
    const command = new CreateMultipartUploadCommand(at);
    const { UploadId } = await this.send(() => this.client.send(command, { abortSignal: signal }), signal);
    return { at: { ...at, UploadId: UploadId! }, parts: [] };
  }

  private async sendPart({ at, parts }: MultipartUpload, Body: Buffer, signal?: AbortSignal): Promise<void> {
    const PartNumber = parts.length + 1;
    const command = new UploadPartCommand({ ...at, PartNumber, Body });
    const { ETag } = await this.send(() => this.client.send(command, { abortSignal: signal }), signal);
    parts.push({ PartNumber, ETag });
  }

  private async complete({ at, parts }: MultipartUpload, signal?: AbortSignal): Promise<void> {
    const command = new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts: parts } });
    await this.send(() => this.client.send(command, { abortSignal: signal }), signal);
  }

  /** What cannot be cleared now is left to the rule of the bucket that drops unfinished uploads. */
  private async abort({ at }: MultipartUpload): Promise<void> {
    const abortSignal = AbortSignal.timeout(CLEANUP_MS);
    await this.client.send(new AbortMultipartUploadCommand(at), { abortSignal }).catch(() => undefined);
  }

  private async *readChunks(find: () => ObjectName, range: ByteRange | undefined): AsyncGenerator<Buffer> {
    const controller = new AbortController();
    const Range = range && `bytes=${range.start}-${range.end}`;
    const command = new GetObjectCommand({ ...find(), Range });
    try {
      const { Body } = await this.client.send(command, { abortSignal: controller.signal });
      yield* Body as Readable;
    } catch (error) {
      throw toStorageError(error);
    } finally {
      controller.abort();
    }
  }

  private async *objectsBelow(key: string): AsyncGenerator<{ key: string; sizeBytes: number; version: string }> {
    const { Bucket, Key } = this.at(key);
    const cut = Key.length - key.length;
    let ContinuationToken: string | undefined;
    do {
      const command = new ListObjectsV2Command({ Bucket, Prefix: `${Key}/`, ContinuationToken, MaxKeys: PAGE });
      const page = await this.send(() => this.client.send(command));
      for (const { Key: found = '', Size = 0, ETag = '' } of page.Contents ?? []) {
        yield { key: found.slice(cut), sizeBytes: Size, version: ETag };
      }
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
  }

  private async send<T>(request: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await request();
    } catch (error) {
      signal?.throwIfAborted();
      throw toStorageError(error);
    }
  }
}

async function* inTurn(sources: readonly AsyncIterable<Buffer>[]): AsyncGenerator<Buffer> {
  for (const source of sources) yield* source;
}

interface ObjectName {
  Bucket: string;
  Key: string;
}

interface MultipartUpload {
  at: ObjectName & { UploadId: string };
  parts: CompletedPart[];
}

/** Neither hidden nor one of the empty objects by which some programs show folders. */
const isVisible = (name: string): boolean =>
  !name.endsWith('/') && !name.split('/').some((part) => part === '' || part.startsWith('.'));
