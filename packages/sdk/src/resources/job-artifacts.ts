import { APIPromise } from '../core/api-promise.js';
import type { RequestOptions, UploadBody } from '../core/request-options.js';
import type { ApiRequest, Transport } from '../core/request.js';
import type {
  ArtifactLink,
  GetArtifactLinkQuery,
  JobArtifact,
  JobArtifactList,
  JobDataset,
  ListArtifactsQuery,
  PutArtifactQuery,
} from '../generated/types.js';
import { path } from '../internal/path.js';

const UPLOAD_TIMEOUT_MS = 10 * 60 * 1000;

/** A file and what it is. */
export interface PutArtifact extends PutArtifactQuery {
  body: UploadBody;
}

/** Options of `jobs.downloadArtifact` and `jobs.downloadDatasetFile`. */
export interface DownloadOptions extends RequestOptions {
  /** Part of the file, both ends included; without `end`, all that follows `start`. */
  range?: { start: number; end?: number };
}

/** The files of jobs: what they learn from, weights, checkpoints, sample pictures. */
export class JobArtifacts {
  /** @internal */
  constructor(protected readonly transport: Transport) {}

  /** Lists the files that a job wrote, in the order in which they were made. */
  artifacts(jobId: string, query: ListArtifactsQuery = {}, options?: RequestOptions): APIPromise<JobArtifactList> {
    return this.transport.json({ method: 'GET', path: path`/jobs/${jobId}/artifacts`, query, options });
  }

  /**
   * Stores a file of a job, without holding it in memory when it is a Blob or a stream. A stream can be sent only once,
   * so it is not retried. The time limit is 10 minutes unless `timeoutMs` is given.
   *
   * @example
   * ```ts
   * const body = await fs.openAsBlob('final.safetensors');
   * await client.jobs.putArtifact(job.id, 'final.safetensors', { body, attempt: 1, kind: 'lora' });
   * ```
   */
  putArtifact(jobId: string, name: string, file: PutArtifact, options?: RequestOptions): APIPromise<JobArtifact> {
    const { body: upload, attempt, kind, step } = file;
    return this.transport.json({
      method: 'PUT',
      path: path`/jobs/${jobId}/artifacts/${name}`,
      query: { attempt, kind, step },
      upload,
      options: { timeoutMs: UPLOAD_TIMEOUT_MS, ...options },
    });
  }

  /**
   * Opens a file for reading. The time limit holds until the headers are there; the body has none.
   *
   * @example
   * ```ts
   * const response = await client.jobs.downloadArtifact(job.id, 'final.safetensors');
   * const weights = await response.arrayBuffer();
   * ```
   */
  downloadArtifact(jobId: string, name: string, options?: DownloadOptions): Promise<Response> {
    return this.download({ path: path`/jobs/${jobId}/artifacts/${name}` }, options);
  }

  /**
   * Asks for a link by which anybody downloads a file for a while, five minutes unless told otherwise, without
   * credentials: to show it in a page, or to hand it to another program.
   *
   * @example
   * ```ts
   * const { url, expiresAt } = await client.jobs.artifactLink(job.id, 'final.safetensors', { expiresInSeconds: 60 });
   * ```
   */
  artifactLink(
    jobId: string,
    name: string,
    query: GetArtifactLinkQuery = {},
    options?: RequestOptions,
  ): APIPromise<ArtifactLink> {
    const target = path`/jobs/${jobId}/artifacts/${name}/link`;
    const answer = this.transport.json<ArtifactLink>({ method: 'GET', path: target, query, options });
    return new APIPromise(
      answer.withResponse().then(({ data, ...rest }) => ({ ...rest, data: { ...data, url: this.absolute(data.url) } })),
    );
  }

  /** Lists the files that a job learns from, as they are now, with their hashes. */
  dataset(jobId: string, options?: RequestOptions): APIPromise<JobDataset> {
    return this.transport.json({ method: 'GET', path: path`/jobs/${jobId}/dataset`, options });
  }

  /**
   * Opens a file that a job learns from. The time limit holds until the headers are there; the body has none. With the
   * header `if-range`, a range is only taken from the file of that `ETag`: the answer is 206, or 200 with another file.
   */
  downloadDatasetFile(jobId: string, name: string, options?: DownloadOptions): Promise<Response> {
    return this.download({ path: path`/jobs/${jobId}/dataset/files`, query: { name } }, options);
  }

  /** Links of the API have no host, those of a bucket have. */
  private absolute(url: string): string {
    return url.startsWith('/') ? this.transport.config.baseUrl + url : url;
  }

  private download(
    target: Pick<ApiRequest, 'path' | 'query'>,
    { range, ...options }: DownloadOptions = {},
  ): Promise<Response> {
    const headers = { accept: '*/*', ...(range && { range: `bytes=${range.start}-${range.end ?? ''}` }) };
    return this.transport.raw({ method: 'GET', ...target, headers, options });
  }
}
