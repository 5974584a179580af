import { extname } from 'node:path/posix';
import { AppError, type DatasetStats, type TrainingSpec } from '@influencerai/shared';
import { captionFor, type DatasetImage, type DatasetListing, readRows } from '@influencerai/trainers';
import { isPicture } from '../datasets/inspection/inspect-picture.js';
import { isCaption, stem } from '../datasets/inspection/inspect-pictures.js';
import { isText } from '../datasets/inspection/inspect-text.js';
import { readFile } from '../datasets/inspection/read-file.js';
import { mapConcurrently } from '../datasets/inspection/semaphore.js';
import type { Listing, Storage, StoredFile } from '../storage/storage.js';
import { publicPathOf } from '../storage/tenant-roots.js';

const MAX_FILES = 100_000;
const MAX_ROWS = 10_000;
const MAX_TEXT_BYTES = 8 * 1024 * 1024;
const CONCURRENCY = 4;

/** The examples of a dataset as a plan needs them, found without opening a picture. */
export interface PreviewDataset {
  listing: DatasetListing;
  /** Pictures or rows there are. */
  examples: number;
  /** The listing holds some of them only. */
  isSample: boolean;
  notes: string[];
}

/** What is to be previewed, and whose it is. */
export interface PreviewSource {
  tenantId: string;
  spec: TrainingSpec;
  stats: DatasetStats | null;
}

/**
 * Lists what a worker would find. Paths are public ones, `data/…`.
 * @throws AppError `dataset_unreadable`
 */
export async function listForPreview(
  storage: Storage,
  { tenantId, spec, stats }: PreviewSource,
): Promise<PreviewDataset> {
  const listing = await storage.list({ tenantId, path: spec.dataset.path }, MAX_FILES);
  if (!listing) throw unreadable(`${spec.dataset.path} does not exist.`);
  const found = await (spec.kind === 'image'
    ? listImages({ storage, spec, stats, listing })
    : listRows({ storage, spec, stats, listing }));
  if (found.examples === 0) {
    throw unreadable(`${spec.dataset.path} holds no ${spec.kind === 'image' ? 'pictures' : 'rows'}.`);
  }
  return found;
}

interface Source {
  storage: Storage;
  spec: TrainingSpec;
  stats: DatasetStats | null;
  listing: Listing;
}

async function listImages({ storage, spec, stats, listing }: Source): Promise<PreviewDataset> {
  const { leftOut = [] } = spec.dataset;
  const pictures = listing.files.filter(({ name }) => isPicture(name) && !leftOut.includes(name));
  const sizes = sizesOf(stats, spec.training.resolution);
  const texts = new Map(listing.files.filter(({ name }) => isCaption(name)).map((file) => [stem(file.name), file]));
  const captions = await readCaptions(
    storage,
    pictures.map(({ name }) => texts.get(stem(name))),
  );
  const images = pictures.map(({ key }, index): DatasetImage => {
    const caption = captionFor(captions[index], spec.dataset);
    return { path: publicPathOf(key), caption, ...(sizes[index % sizes.length] ?? sizes[0]!) };
  });
  return {
    listing: { kind: 'image', images },
    examples: images.length,
    isSample: listing.isTruncated,
    notes: [
      ...(listing.isTruncated ? [`Only the first ${MAX_FILES} files were looked at.`] : []),
      ...(leftOut.length > 0 ? [`Left out, since they cannot be used: ${leftOut.join(', ')}.`] : []),
      ...(captions.length < pictures.length
        ? [`Only the captions of the first ${captions.length} pictures were read.`]
        : []),
      ...(stats ? [] : ['The dataset was never measured; its pictures are taken to be square, of the resolution.']),
    ],
  };
}

/** Which picture has which size was not kept; buckets only ask how many there are of each. */
function sizesOf(stats: DatasetStats | null, resolution: number): { width: number; height: number }[] {
  const sizes = Object.entries(stats?.resolutions ?? {}).flatMap(([size, count]) => {
    const [width = resolution, height = resolution] = size.split('x').map(Number);
    return Array.from({ length: count }, () => ({ width, height }));
  });
  return sizes.length > 0 ? sizes : [{ width: resolution, height: resolution }];
}

/** The captions of the first pictures, up to a number of pictures and bytes. */
async function readCaptions(
  storage: Storage,
  files: readonly (StoredFile | undefined)[],
): Promise<(string | undefined)[]> {
  let bytes = 0;
  const end = files.findIndex((file) => (bytes += file?.sizeBytes ?? 0) > MAX_TEXT_BYTES);
  const first = files.slice(0, Math.min(end === -1 ? files.length : end, MAX_ROWS));
  return mapConcurrently(first, CONCURRENCY, async (file) => file && (await readText(storage, file, file.sizeBytes)));
}

async function listRows({ storage, spec, stats, listing }: Source): Promise<PreviewDataset> {
  const rows = [];
  let bytesLeft = MAX_TEXT_BYTES;
  let isCut = listing.isTruncated;
  for (const file of listing.files.filter(({ name }) => isText(name))) {
    isCut ||= file.sizeBytes > bytesLeft || rows.length >= MAX_ROWS;
    if (bytesLeft <= 0 || rows.length >= MAX_ROWS) break;
    const content = await readText(storage, file, bytesLeft);
    bytesLeft -= file.sizeBytes;
    rows.push(...readRows(extname(file.name).toLowerCase(), bytesLeft < 0 ? wholeLines(content) : content));
  }
  const shown = rows.slice(0, MAX_ROWS);
  const isSample = isCut || shown.length < rows.length;
  const examples = isSample ? Math.max(stats?.rows ?? 0, shown.length) : shown.length;
  return {
    listing: { kind: 'text', rows: shown },
    examples,
    isSample,
    notes: isSample
      ? [
          `Only the first ${shown.length} of ${examples} rows of ${spec.dataset.path} were read; steps are extrapolated.`,
        ]
      : [],
  };
}

async function readText(storage: Storage, { key }: StoredFile, maxBytes: number): Promise<string> {
  const { content } = await readFile(storage.read(key, { start: 0, end: Math.max(0, maxBytes - 1) }));
  return content.toString('utf8');
}

/** Without the line at the end, which was cut somewhere. */
const wholeLines = (text: string): string => text.slice(0, text.lastIndexOf('\n') + 1);

const unreadable = (reason: string): AppError => new AppError('dataset_unreadable', { reason });
