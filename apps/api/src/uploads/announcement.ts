import { AppError, fieldError, type UploadDataset } from '@influencerai/shared';
import { assertStorable } from '../http/json-limits.js';
import { archiveKindOf } from './archives/archive.js';
import { readEntryName } from './entry-name.js';
import { UploadForm } from './upload-form.js';
import type { UploadLimits } from './upload-limits.js';

/** What clients of tus send by themselves and nobody here needs. */
const IGNORED = new Set(['filetype', 'type', 'relativePath']);

/**
 * The metadata of a resumable upload: `filename`, and the fields that a form has beside its files.
 * @throws AppError `validation_failed` that names the field
 */
export function readAnnouncement(
  metadata: Record<string, string | null>,
  { maxNameBytes }: UploadLimits,
): { fileName: string; input: UploadDataset } {
  // Also what nobody needs is kept until the upload is over.
  assertStorable(metadata);
  const { filename, ...fields } = metadata;
  const form = new UploadForm();
  for (const [name, value] of Object.entries(fields)) if (!IGNORED.has(name)) form.set(name, value ?? '');
  const input = form.read();
  return { fileName: readFileName(filename ?? '', maxNameBytes), input };
}

/** A name that would be refused or left out in the end is refused before the bytes come. */
function readFileName(fileName: string, maxNameBytes: number): string {
  if (archiveKindOf(fileName)) return fileName;
  const name = readEntryName(fileName, maxNameBytes);
  const problem = 'refusal' in name ? name.refusal : name.skip;
  if (problem !== undefined) throw fieldError(['filename'], problem);
  return fileName;
}

/** @throws AppError */
export function readLength(sizeBytes: number | undefined): number {
  if (sizeBytes === undefined || sizeBytes < 1) throw new AppError('validation_failed', LENGTH_ISSUE);
  return sizeBytes;
}

const LENGTH_ISSUE = { issues: [{ path: ['upload-length'], message: 'Must be the size of the file in bytes.' }] };
