import { AppError, fieldError } from '@influencerai/shared';

/** What one upload may bring. */
export interface UploadLimits {
  /** Bytes as they are sent. */
  maxBytes: number;
  /** Files, and folders and skipped files of an archive, too. */
  maxFiles: number;
  maxFileBytes: number;
  /** Bytes of all that comes out of an archive. */
  maxUnpackedBytes: number;
  /** How many times larger than the archive that may be. */
  maxRatio: number;
  maxNameBytes: number;
}

/** What is wrong with one file of an upload, by the name it was sent with. */
export const refuseFile = (name: string, message: string): AppError => fieldError(['files', toText(name)], message);

/** @returns `upload_too_large`, about the whole or, with `name`, about one file */
export function tooLarge(what: string, limit: string, name?: string): AppError {
  const path = name === undefined ? ['files'] : ['files', toText(name)];
  return new AppError('upload_too_large', {
    what,
    limit,
    issues: [{ path, message: `Too large: ${what} at most ${limit}.` }],
  });
}

const MAX_SHOWN = 200;

/** Names of archives hold any bytes; what is shown of them must be text, and short. */
const toText = (name: string): string =>
  name
    .toWellFormed()
    .replace(/\p{Cc}/gu, '\uFFFD')
    .slice(0, MAX_SHOWN)
    .toWellFormed();
