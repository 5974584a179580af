import { extname } from 'node:path';
import type { StoredFile } from '../../storage/storage.js';
import { inspectPicture, isPicture, type PictureReport } from './inspect-picture.js';
import { digestOf, emptyStats, increment, type Inspection, type InspectionSource } from './inspection.js';
import { Problems } from './problems.js';
import { mapConcurrently } from './semaphore.js';

const CONCURRENCY = 4;

/** Opens every picture of a folder and its caption. */
export async function inspectPictures(source: InspectionSource, problems: Problems): Promise<Inspection> {
  const { files } = source.listing;
  const pictures = files.filter(({ name }) => isPicture(name));
  const captions = new Map(files.filter(({ name }) => isCaption(name)).map((file) => [stem(file.name), file]));
  const reports = await mapConcurrently(pictures, CONCURRENCY, (picture) =>
    inspectPicture(source, picture, captions.get(stem(picture.name))),
  );
  warnOfStrangers(files, new Set(pictures.map(({ name }) => stem(name))), problems);
  return summarize(reports, problems);
}

/** Pure: what was found in each picture → what the dataset is worth. */
export function summarize(reports: readonly PictureReport[], problems: Problems): Inspection {
  const stats = emptyStats();
  const used: { name: string; sha256: string }[] = [];
  const nameByHash = new Map<string, string>();
  for (const report of reports) {
    report.errors.forEach(({ file, reason }) => problems.error(file, reason));
    report.warnings.forEach(({ file, reason }) => problems.warning(file, reason));
    const { picture, image, sha256, caption } = report;
    if (!image || !sha256) {
      stats.unreadable += 1;
      continue;
    }
    stats.images += 1;
    stats.bytes += picture.sizeBytes + (caption?.sizeBytes ?? 0);
    increment(stats.formats, image.format);
    increment(stats.resolutions, `${image.width}x${image.height}`);
    const original = nameByHash.get(sha256);
    if (original === undefined) nameByHash.set(sha256, picture.name);
    else {
      stats.duplicates += 1;
      problems.warning(picture.name, `The same picture as ${original}.`);
    }
    used.push({ name: picture.name, sha256 });
    if (caption) {
      stats.captions += 1;
      used.push(caption);
    }
  }
  stats.digest = digestOf(used);
  if (stats.images === 0) problems.error('', 'The folder holds no picture that can be used.');
  return { status: stats.images > 0 ? 'ready' : 'failed', stats, problems: problems.toList() };
}

function warnOfStrangers(files: readonly StoredFile[], pictureStems: ReadonlySet<string>, problems: Problems): void {
  for (const { name } of files) {
    if (isPicture(name)) continue;
    if (!isCaption(name)) problems.warning(name, 'Ignored: neither a PNG, JPEG or WebP picture nor a caption.');
    else if (!pictureStems.has(stem(name)))
      problems.warning(name, 'Ignored: a caption without a picture of the same name.');
  }
}

/** Captions stand beside their pictures, in a file of the same stem. */
export const isCaption = (name: string): boolean => extname(name).toLowerCase() === '.txt';
export const stem = (name: string): string => name.slice(0, name.length - extname(name).length);
