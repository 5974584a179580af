import type { Readable } from 'node:stream';
import type { TenantPath } from './tenant-roots.js';

/** An inclusive range of bytes. */
export interface ByteRange {
  start: number;
  end: number;
}

/** What was stored. */
export interface Written {
  sizeBytes: number;
  sha256: string;
}

export interface WriteOptions {
  signal?: AbortSignal;
  /** Called when all bytes are stored, just before the file appears under its key. What it throws undoes the write. */
  accept?: (written: Written) => Promise<void>;
  /** Called when the file was accepted and then could not appear: what lies under its key now is not known. */
  retract?: () => Promise<void>;
}

export interface StoredFile {
  /** Where `read` finds it. */
  key: string;
  /** Relative to the folder that was listed. */
  name: string;
  sizeBytes: number;
  /** Another one when the content may have changed. */
  version: string;
}

export interface Listing {
  /** False when the path names one file. */
  isFolder: boolean;
  /** Sorted by name. */
  files: StoredFile[];
  /** Links and other things that are no plain files; they are never followed or opened. */
  skipped: string[];
  /** True when there was more than `limit`. */
  isTruncated: boolean;
}

/** What a link to a download is good for. */
export interface SignDownload {
  expiresInSeconds: number;
  fileName: string;
  contentType: string;
}

export interface SignUpload {
  expiresInSeconds: number;
  sizeBytes: number;
}

/** The one request that a link to an upload is good for. */
export interface SignedUpload {
  url: string;
  method: 'PUT';
  headers: Record<string, string>;
}

/**
 * Files of datasets and results. Clients name them by public paths (`data/datasets/x`), the application by keys
 * (`datasets/x`, or `tenants/acme/datasets/x` where each tenant has a root of its own). Keys stay valid for good and are
 * kept in rows. Nothing here reads or writes outside the data root, or passes from one tenant's root into another,
 * whatever links lie in it.
 */
export abstract class Storage {
  /**
   * Checks a path as clients write it; it need not exist.
   * @param field where the path stood in the request, for the error
   * @returns its key
   * @throws AppError `validation_failed` on `field` that says what is allowed
   */
  abstract locate(where: TenantPath, field?: string): Promise<string>;

  /**
   * As {@link locate}, for a folder that is to be written to: it is one, or can be made.
   * @throws AppError `validation_failed` on `field`
   */
  abstract assertWritable(where: TenantPath, field?: string): Promise<void>;

  /** Whether a public path names something. */
  abstract exists(where: TenantPath): Promise<boolean>;

  /** The plain files below a public path, with all subfolders; undefined when nothing is there. */
  abstract list(where: TenantPath, limit: number): Promise<Listing | undefined>;

  /** Stores a stream under a key, whole or not at all: readers never see a part of it. */
  abstract write(key: string, content: Readable, options?: WriteOptions): Promise<Written>;

  /**
   * Adds a stream to a file, from the byte `offset` on; the file is made when there is none. What has come before the
   * stream breaks stays, and readers may see it.
   */
  abstract append(key: string, content: Readable, offset: number): Promise<void>;

  /** Streams a file or a range of it; fails with `ENOENT` when there is none. */
  abstract read(key: string, range?: ByteRange): Readable;

  abstract stat(key: string): Promise<Pick<StoredFile, 'sizeBytes' | 'version'> | undefined>;

  /** Removes a file; it may be gone already. */
  abstract remove(key: string): Promise<void>;

  /** Removes a folder with all that lies in it; it may be gone already. */
  abstract removeFolder(key: string): Promise<void>;

  /** A link by which anybody downloads a file for a while; undefined where the API must send the bytes itself. */
  signDownload(_key: string, _options: SignDownload): Promise<string | undefined> {
    return Promise.resolve(undefined);
  }

  /** A link by which anybody uploads a file of a known size; undefined where the API must take in the bytes itself. */
  signUpload(_key: string, _options: SignUpload): Promise<SignedUpload | undefined> {
    return Promise.resolve(undefined);
  }

  /** @throws Error that says why files cannot be stored now */
  abstract check(): Promise<void>;
}
