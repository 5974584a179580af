import type { Readable } from 'node:stream';
import { basename } from 'node:path/posix';
import type { FastifyReply } from 'fastify';
import type { ByteRange } from '../storage/storage.js';
import { parseRange } from './byte-range.js';

/** A file to be sent. Its hash is its `ETag`. */
export interface Download {
  name: string;
  sizeBytes: number;
  sha256: string;
  contentType: string;
  /** To be kept, not shown; default: shown. */
  isAttachment?: boolean;
  open(range: ByteRange | undefined): Readable;
}

type RequestHeaders = Record<string, string | undefined>;

/**
 * Answers with a file, a range of it, or 304 when the client has it already.
 * @throws AppError `range_not_satisfiable`
 */
export function sendDownload(reply: FastifyReply, headers: RequestHeaders, file: Download): void {
  const { name, sizeBytes, sha256, contentType, isAttachment = false } = file;
  const etag = `"${sha256}"`;
  // Before the headers of the file, which must not stand on an error.
  const range = rangeOf(headers, etag, sizeBytes);
  void reply.headers({
    etag,
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    'x-content-type-options': 'nosniff',
    // A picture that carries script must not run in the origin of the API.
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    'content-disposition': `${isAttachment ? 'attachment' : 'inline'}; ${fileName(basename(name))}`,
  });
  if (headers['if-none-match'] === etag) return void reply.status(304).send();
  void reply.type(contentType).header('content-length', range ? range.end - range.start + 1 : sizeBytes);
  if (range) void reply.status(206).header('content-range', `bytes ${range.start}-${range.end}/${sizeBytes}`);
  void reply.send(file.open(range));
}

/** Answers with where the file is. Kept by nobody: the next request gets a link that lives longer. */
export function sendRedirect(reply: FastifyReply, { url }: { url: string }): void {
  void reply.header('cache-control', 'no-store').redirect(url, 302);
}

/** A range counts only for the file that the client knows, and not at all when it has that file already. */
function rangeOf(headers: RequestHeaders, etag: string, sizeBytes: number): ByteRange | undefined {
  if (headers['if-none-match'] === etag || (headers['if-range'] ?? etag) !== etag) return undefined;
  return parseRange(headers['range'], sizeBytes);
}

/** The parameter of `Content-Disposition`; a name that is more than letters and digits needs the encoding of RFC 8187. */
const fileName = (name: string): string =>
  /^[\w.-]+$/.test(name)
    ? `filename="${name}"`
    : `filename*=UTF-8''${encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`)}`;
