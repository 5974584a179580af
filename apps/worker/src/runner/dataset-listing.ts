import { AppError, type TrainingSpec } from '@influencerai/shared';
import { readRows, type DatasetImage, type DatasetListing, type TextRow } from '@influencerai/trainers';
import { imageSizeFromFile } from 'image-size/fromFile';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, extname, join, parse, resolve, sep } from 'node:path';

const PICTURE = new Set(['.png', '.jpg', '.jpeg', '.webp']);
const TEXT = new Set(['.jsonl', '.csv', '.txt']);

/**
 * Finds the examples of a job's dataset on this host.
 * @throws AppError `dataset_unreadable`
 */
export const listDataset = async (spec: TrainingSpec, dataRoot: string): Promise<DatasetListing> => {
  const path = await resolveDataset(spec.dataset.path, dataRoot);
  const listing = spec.kind === 'image' ? await listImages(path, spec) : await listRows(path);
  const count = listing.kind === 'image' ? listing.images.length : listing.rows.length;
  if (count === 0) throw unreadable(`${spec.dataset.path} holds no ${listing.kind === 'image' ? 'pictures' : 'rows'}.`);
  return listing;
};

/** `data/…` stands for the data root; a link that leads out of it is not followed. */
const resolveDataset = async (path: string, dataRoot: string): Promise<string> => {
  const wanted = resolve(dataRoot, path.replace(/^data(\/|$)/, ''));
  const [root, real] = await Promise.all([realPathOf(dataRoot), realPathOf(wanted)]);
  if (!root || !real) throw unreadable(`${path} does not exist on this host. DATA_ROOT is ${dataRoot}.`);
  if (real !== root && !real.startsWith(root + sep)) throw unreadable(`${path} leaves the data root.`);
  return real;
};

const listImages = async (dir: string, spec: TrainingSpec): Promise<DatasetListing> => {
  const names = await namesIn(dir, PICTURE);
  const images = await Promise.all(names.map((name) => toImage(dir, name, spec.dataset.triggerWord ?? '')));
  return { kind: 'image', images };
};

const toImage = async (dir: string, name: string, fallback: string): Promise<DatasetImage> => {
  const path = join(dir, name);
  const [caption, size] = await Promise.all([readIfThere(join(dir, `${parse(name).name}.txt`)), sizeOf(path)]);
  return { path, caption: caption?.trim() || fallback, ...size };
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
  const files = isFile ? [path] : (await namesIn(path, TEXT)).map((name) => join(path, name));
  const rows: TextRow[] = [];
  for (const file of files) rows.push(...readRows(extname(file).toLowerCase(), await readFile(file, 'utf8')));
  return { kind: 'text', rows };
};

const namesIn = async (dir: string, extensions: ReadonlySet<string>): Promise<string[]> => {
  if (!(await stat(dir)).isDirectory()) throw unreadable('The path is a file and must be a folder.');
  const names = await readdir(dir);
  return names.filter((name) => !name.startsWith('.') && extensions.has(extname(name).toLowerCase())).sort();
};

const realPathOf = async (path: string): Promise<string | undefined> => {
  try {
    return await realpath(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
};

const readIfThere = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const unreadable = (reason: string): AppError => new AppError('dataset_unreadable', { reason });
