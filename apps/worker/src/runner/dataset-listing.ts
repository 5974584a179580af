import { AppError, type TrainingSpec } from '@influencerai/shared';
import { captionFor, readRows, type DatasetImage, type DatasetListing, type TextRow } from '@influencerai/trainers';
import { imageSizeFromFile } from 'image-size/fromFile';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join, relative } from 'node:path';

const PICTURE = new Set(['.png', '.jpg', '.jpeg', '.webp']);
const TEXT = new Set(['.jsonl', '.csv', '.txt']);
const CAPTION = '.txt';

/**
 * Finds the examples of a job's dataset at an absolute path.
 * @throws AppError `dataset_unreadable`
 */
export const listDataset = async (spec: TrainingSpec, path: string): Promise<DatasetListing> => {
  const listing = spec.kind === 'image' ? await listImages(path, spec) : await listRows(path);
  const count = listing.kind === 'image' ? listing.images.length : listing.rows.length;
  if (count === 0) throw unreadable(`${spec.dataset.path} holds no ${listing.kind === 'image' ? 'pictures' : 'rows'}.`);
  return listing;
};

const listImages = async (dir: string, spec: TrainingSpec): Promise<DatasetListing> => {
  const files = await filesBelow(dir);
  const captions = new Map(files.filter((file) => extensionOf(file) === CAPTION).map((file) => [stemOf(file), file]));
  const leftOut = new Set(spec.dataset.leftOut);
  const images = files
    .filter((file) => PICTURE.has(extensionOf(file)) && !leftOut.has(relative(dir, file)))
    .map((path) => toImage(path, captions.get(stemOf(path)), spec.dataset));
  return { kind: 'image', images: await Promise.all(images) };
};

const toImage = async (
  path: string,
  captionFile: string | undefined,
  dataset: TrainingSpec['dataset'],
): Promise<DatasetImage> => {
  const [caption, size] = await Promise.all([
    captionFile === undefined ? undefined : readFile(captionFile, 'utf8'),
    sizeOf(path),
  ]);
  return { path, caption: captionFor(caption, dataset), ...size };
};

const sizeOf = async (path: string): Promise<{ width: number; height: number }> => {
  try {
    const { width, height } = await imageSizeFromFile(path);
    return { width, height };
  } catch (error) {
    throw unreadable(`${basename(path)} is no picture: ${error instanceof Error ? error.message : String(error)}`);
  }
};

const listRows = async (path: string): Promise<DatasetListing> => {
  const isFile = (await stat(path)).isFile();
  const files = isFile ? [path] : (await filesBelow(path)).filter((file) => TEXT.has(extensionOf(file)));
  const rows: TextRow[] = [];
  for (const file of files) rows.push(...readRows(extensionOf(file), await readFile(file, 'utf8')));
  return { kind: 'text', rows };
};

/**
 * The plain files of a folder and its subfolders, by name, as the API found them when it inspected the dataset: what is
 * hidden is left out, and links are not followed, since they may lead to what is not the tenant's.
 */
export const filesBelow = async (dir: string): Promise<string[]> => {
  if (!(await stat(dir)).isDirectory()) throw unreadable('The path is a file and must be a folder.');
  const files: string[] = [];
  const folders = [dir];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) files.push(path);
    }
  }
  return files.sort();
};

const extensionOf = (file: string): string => extname(file).toLowerCase();
const stemOf = (file: string): string => file.slice(0, file.length - extname(file).length);

const unreadable = (reason: string): AppError => new AppError('dataset_unreadable', { reason });
