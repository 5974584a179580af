import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { AppError, DatasetFileNameSchema, type TrainingSpec } from '@influencerai/shared';
import { datasetFiles } from '@influencerai/trainers';
import { hasCode } from '../http/error-code.js';
import { SingleFlight } from '../http/single-flight.js';
import { type ByteRange, Storage, type StoredFile } from '../storage/storage.js';
import { MAX_DATASET_FILES } from './dataset-inspector.js';
import { DatasetFilesRepository, type DatasetRef, type KnownFile } from './dataset-files.repository.js';
import { digestOf } from './inspection/inspection.js';
import { hashed } from './inspection/read-file.js';
import { KeyedSemaphore, mapConcurrently } from './inspection/semaphore.js';

/** Of one tenant: its large datasets make its own jobs wait, and no others. */
const DATASETS_AT_A_TIME = 1;
const FILES_AT_A_TIME = 4;
/** What was hashed is kept in parts, so that a call that is cut off has got somewhere. */
const FILES_PER_PART = 200;

/** The dataset of a job, as it was frozen into it. */
export interface DatasetSource extends DatasetRef {
  path: string;
  kind: TrainingSpec['kind'];
}

/** A file that can be handed out. */
export interface DatasetFile {
  key: string;
  name: string;
  sizeBytes: number;
  sha256: string;
}

/** The files that training reads, by their content. Each version of a file is hashed once, by whichever replica needs it first. */
@Injectable()
export class DatasetFilesService {
  private readonly lists = new SingleFlight<DatasetFile[]>();
  private readonly hashes = new SingleFlight<string | undefined>();
  private readonly measuring = new KeyedSemaphore(DATASETS_AT_A_TIME);

  constructor(
    private readonly files: DatasetFilesRepository,
    private readonly storage: Storage,
  ) {}

  /** The files as they are now, by name, and a digest over all. @throws AppError `dataset_unreadable` */
  async list(source: DatasetSource): Promise<{ files: DatasetFile[]; digest: string }> {
    const files = await this.lists.run(`${source.tenantId}/${source.id}`, () =>
      this.measuring.run(source.tenantId, () => this.measure(source)),
    );
    return { files, digest: digestOf(files) };
  }

  /** A file that was listed before, as it is now. @throws AppError `dataset_file_not_found` */
  async get(source: DatasetSource, name: string): Promise<DatasetFile> {
    const known = await this.files.find(source, name);
    const key = known && (await this.keyOf(source, known));
    if (known && key !== undefined) return { ...known, key };
    // Never by its path: a link may have taken the place of a folder, and only a listing leaves links out.
    const file = known && (await this.list(source)).files.find((other) => other.name === name);
    if (!file) throw new AppError('dataset_file_not_found', { name });
    return file;
  }

  read({ key }: DatasetFile, range?: ByteRange): Readable {
    return this.storage.read(key, range);
  }

  private async measure(source: DatasetSource): Promise<DatasetFile[]> {
    const found = await this.find(source);
    const known = new Map((await this.files.list(source)).map((file) => [file.name, file]));
    const isKnown = ({ name, version }: StoredFile) => known.get(name)?.version === version;
    const changed = found.filter((file) => !isKnown(file));
    for (let from = 0; from < changed.length; from += FILES_PER_PART) {
      const part = await mapConcurrently(changed.slice(from, from + FILES_PER_PART), FILES_AT_A_TIME, (file) =>
        this.hash(file),
      );
      const fresh = part.filter((file) => file !== undefined);
      await this.files.put(source, fresh);
      for (const file of fresh) known.set(file.name, file);
    }
    const present = new Set(found.map(({ name }) => name));
    const gone = [...known.keys()].filter((name) => !present.has(name));
    if (gone.length > 0) await this.files.remove(source, gone);
    return found.flatMap(({ key, name }) => {
      const file = known.get(name);
      return file ? [{ key, name, sizeBytes: file.sizeBytes, sha256: file.sha256 }] : [];
    });
  }

  private async find({ tenantId, path, kind }: DatasetSource): Promise<StoredFile[]> {
    const listing = await this.storage.list({ tenantId, path }, MAX_DATASET_FILES);
    if (!listing) throw unreadable(`${path} does not exist any more.`);
    if (listing.isTruncated) throw unreadable(`${path} holds more than ${MAX_DATASET_FILES} files.`);
    const needed = new Set(
      datasetFiles(
        kind,
        listing.files.map(({ name }) => name),
      ),
    );
    const files = listing.files.filter(({ name }) => needed.has(name));
    const odd = files.find(({ name }) => !DatasetFileNameSchema.safeParse(name).success);
    if (odd) throw unreadable(`the name ${JSON.stringify(odd.name)} cannot be handed to workers; rename the file.`);
    return files;
  }

  /** Where that version of the file lies; undefined when it is there no more. A dataset is a folder, or one file. */
  private async keyOf({ tenantId, path }: DatasetSource, { name, version }: KnownFile): Promise<string | undefined> {
    const dataset = await this.storage.locate({ tenantId, path });
    for (const key of [`${dataset}/${name}`, dataset]) {
      if ((await this.storage.stat(key))?.version === version) return key;
    }
    return undefined;
  }

  /** @returns undefined when the file is gone meanwhile */
  private async hash({ key, name, version, sizeBytes }: StoredFile): Promise<KnownFile | undefined> {
    const sha256 = await this.hashes.run(`${key}/${version}`, () => this.hashOf(key));
    return sha256 === undefined ? undefined : { name, version, sizeBytes, sha256 };
  }

  private async hashOf(key: string): Promise<string | undefined> {
    const hash = createHash('sha256');
    try {
      for await (const _ of hashed(this.storage.read(key), hash));
      return hash.digest('hex');
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    }
  }
}

const unreadable = (reason: string): AppError => new AppError('dataset_unreadable', { reason });
