import { AppError, type JobDatasetFile, type TrainingSpec } from '@influencerai/shared';
import { datasetFiles } from '@influencerai/trainers';
import { realpath } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { inLanes } from '../in-lanes.js';
import { filesBelow } from '../runner/dataset-listing.js';
import { hashFile, statIfThere, versionOf } from './hash-file.js';

const LANES = 4;
const HASHES_KEPT = 200_000;

/** Where a dataset lies: its public path, and the folder of its tenant in the data root, if it has one. */
export interface DatasetPlace {
  path: string;
  storageRoot: string;
}

/** Datasets below the data root of this host, where it has one. */
export class MountedDatasets {
  readonly #hashes = new Map<string, { version: string; sha256: string }>();

  constructor(private readonly dataRoot: string) {}

  /**
   * `data/…` stands for the data root, or for the tenant's own folder in it; a link that leads out of that is not
   * followed.
   * @throws AppError `dataset_unreadable`
   */
  async find(place: DatasetPlace): Promise<string> {
    const found = await this.findIfThere(place);
    if (found !== undefined) return found;
    throw unreadable(`${place.path} does not exist on this host. DATA_ROOT is ${this.dataRoot}.`);
  }

  /** Undefined when nothing is there. @throws AppError `dataset_unreadable` */
  async findIfThere({ path, storageRoot }: DatasetPlace): Promise<string | undefined> {
    const wanted = resolve(this.dataRoot, storageRoot, path.replace(/^data(\/|$)/, ''));
    const [dataRoot, real] = await Promise.all([realPathOf(this.dataRoot), realPathOf(wanted)]);
    if (!dataRoot || !real) return undefined;
    const root = join(dataRoot, storageRoot);
    if (real !== root && !real.startsWith(root + sep)) throw unreadable(`${path} leaves the data root.`);
    return real;
  }

  /** Whether training would read the very same files there. Each version of a file is hashed once while the worker runs. */
  async isSame(folder: string, kind: TrainingSpec['kind'], files: readonly JobDatasetFile[]): Promise<boolean> {
    const isFile = (await statIfThere(folder))?.isFile() ?? false;
    const names = isFile
      ? [basename(folder)]
      : (await filesBelow(folder)).map((file) => relative(folder, file).split(sep).join('/'));
    const wanted = new Map(files.map((file) => [file.name, file]));
    const read = datasetFiles(kind, names);
    if (read.length !== wanted.size || !read.every((name) => wanted.has(name))) return false;
    let isSame = true;
    await inLanes(read, LANES, async (name) => {
      const file = isFile ? folder : join(folder, name);
      // Other files are looked at meanwhile: what one found must not be taken back.
      if (isSame && !(await this.#hasContent(file, wanted.get(name)!))) isSame = false;
    });
    return isSame;
  }

  async #hasContent(file: string, { sizeBytes, sha256 }: JobDatasetFile): Promise<boolean> {
    const found = await statIfThere(file);
    if (found?.size !== sizeBytes) return false;
    const version = versionOf(found);
    const known = this.#hashes.get(file);
    if (known?.version === version) return known.sha256 === sha256;
    const taken = await hashFile(file);
    if (this.#hashes.size >= HASHES_KEPT) this.#hashes.clear();
    this.#hashes.set(file, { version, sha256: taken });
    return taken === sha256;
  }
}

const realPathOf = async (path: string): Promise<string | undefined> => {
  try {
    return await realpath(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
};

const unreadable = (reason: string): AppError => new AppError('dataset_unreadable', { reason });
