import { extname } from 'node:path';
import { codeOf } from '../../http/error-code.js';
import type { StoredFile } from '../../storage/storage.js';
import { decodePicture, type PictureFormat, sniffFormat } from './decode-picture.js';
import type { InspectionSource } from './inspection.js';
import { readFile } from './read-file.js';

const MAX_PICTURE_BYTES = 64 * 1024 * 1024;
const MAX_CAPTION_BYTES = 64 * 1024;

const FORMAT_OF: Record<string, PictureFormat> = { '.png': 'png', '.jpg': 'jpeg', '.jpeg': 'jpeg', '.webp': 'webp' };

/** What opening one picture and its caption found. */
export interface PictureReport {
  picture: StoredFile;
  sha256?: string;
  /** Absent when the picture cannot be used. */
  image?: { format: PictureFormat; width: number; height: number };
  /** Absent when there is none that can be used. */
  caption?: { name: string; sha256: string; sizeBytes: number };
  errors: { file: string; reason: string }[];
  warnings: { file: string; reason: string }[];
}

export const isPicture = (name: string): boolean => extname(name).toLowerCase() in FORMAT_OF;

/** Opens a picture and the caption beside it. Damage goes into the report; only an abort makes it fail. */
export async function inspectPicture(
  source: InspectionSource,
  picture: StoredFile,
  caption: StoredFile | undefined,
): Promise<PictureReport> {
  source.signal.throwIfAborted();
  const report: PictureReport = { picture, errors: [], warnings: [] };
  await readPicture(source, report).catch((error: unknown) =>
    report.errors.push({ file: picture.name, reason: reasonOf(error) }),
  );
  if (!report.image) return report;
  if (!caption)
    report.warnings.push({ file: picture.name, reason: 'No caption: no .txt file of the same name beside it.' });
  else
    await readCaption(source, report, caption).catch((error: unknown) =>
      report.errors.push({ file: caption.name, reason: reasonOf(error) }),
    );
  return report;
}

async function readPicture({ storage }: InspectionSource, report: PictureReport): Promise<void> {
  const { key, name, sizeBytes } = report.picture;
  if (sizeBytes > MAX_PICTURE_BYTES) throw new Error(`it is larger than ${MAX_PICTURE_BYTES / 1024 / 1024} MiB`);
  const { content, sha256 } = await readFile(storage.read(key));
  const format = sniffFormat(content);
  if (!format) throw new Error(content.length === 0 ? 'it is empty' : 'it is no PNG, JPEG or WebP picture');
  report.sha256 = sha256;
  report.image = { format, ...(await decodePicture(content)) };
  const named = FORMAT_OF[extname(name).toLowerCase()];
  if (named !== format) report.warnings.push({ file: name, reason: `Named as ${named} but holds ${format} data.` });
}

async function readCaption(
  { storage }: InspectionSource,
  report: PictureReport,
  { key, name, sizeBytes }: StoredFile,
): Promise<void> {
  if (sizeBytes > MAX_CAPTION_BYTES) throw new Error(`the caption is larger than ${MAX_CAPTION_BYTES / 1024} KiB`);
  const { content, sha256 } = await readFile(storage.read(key));
  const text = new TextDecoder('utf-8', { fatal: true }).decode(content);
  if (text.trim() === '') report.warnings.push({ file: name, reason: 'The caption is empty.' });
  else report.caption = { name, sha256, sizeBytes };
}

function reasonOf(error: unknown): string {
  if (codeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'Cannot be used: the caption is not valid UTF-8.';
  if (/^E[A-Z]+$/.test(codeOf(error))) return `Cannot be read (${codeOf(error)}).`;
  const [firstLine] = (error as Error).message.split('\n');
  return `Cannot be used: ${firstLine}.`;
}
