/** Options that every method takes as its last argument; they override those of the client. */
export interface RequestOptions {
  /** Aborts the request, its retries and the waits between them. */
  signal?: AbortSignal;
  /** Time limit of each attempt. */
  timeoutMs?: number;
  /** Added to the headers of the client. */
  headers?: Record<string, string>;
  /** Calls that create something get a random key by themselves; give one to make your own repetition safe, too. */
  idempotencyKey?: string;
  /** How often to try again after a failure that may pass. */
  maxRetries?: number;
  /** Acts for another tenant than that of the client. */
  tenantId?: string;
}

/** `fetch`, as far as this package uses it. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/** What `putArtifact` can upload. Blobs (`fs.openAsBlob`) and byte arrays can be sent again, so only they are retried. */
export type UploadBody = Uint8Array | ArrayBuffer | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;
