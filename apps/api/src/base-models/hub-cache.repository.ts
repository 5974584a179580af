import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../env.js';

/** A model that lies whole in the cache of the Hugging Face hub. */
export interface CachedModel {
  /** As the hub calls it: `org/name`, or `name` alone for the oldest ones. */
  name: string;
  /** The folder of its snapshot on this host. */
  path: string;
}

const REPOSITORY = /^models--([A-Za-z0-9._-]+(?:--[A-Za-z0-9._-]+)?)$/;
const WEIGHTS = /\.(safetensors|bin|gguf|pt|pth|ckpt)$/;
const INDEX = /\.(safetensors|bin)\.index\.json$/;

/** The models that were downloaded from the hub, in the layout that its own library keeps. */
@Injectable()
export class HubCacheRepository {
  private readonly folder: string;

  constructor(@Inject(CONFIG) { models }: Pick<Config, 'models'>) {
    this.folder = models.hubCache;
  }

  /** Those with a complete snapshot, by name. A cache that does not exist has none. */
  async list(): Promise<CachedModel[]> {
    const found = await Promise.all((await namesIn(this.folder)).map((folder) => this.look(folder)));
    return found.filter((model) => model !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  private async look(folder: string): Promise<CachedModel | undefined> {
    const [, name] = REPOSITORY.exec(folder) ?? [];
    if (name === undefined) return undefined;
    for (const path of await snapshotsOf(join(this.folder, folder)))
      if (await isComplete(path)) return { name: name.replace('--', '/'), path };
    return undefined;
  }
}

/** Where the snapshots of a repository lie: what `main` names first, as its library looks it up, then any other. */
async function snapshotsOf(repository: string): Promise<string[]> {
  const snapshots = join(repository, 'snapshots');
  const names = await namesIn(snapshots);
  const main = (await textOf(join(repository, 'refs', 'main')))?.trim();
  return names
    .sort((a, b) => Number(b === main) - Number(a === main) || (a < b ? -1 : 1))
    .map((name) => join(snapshots, name));
}

/**
 * Whether a snapshot has a configuration and weights, and all shards that an index names. Its files are links to
 * downloads; one that was broken off leaves none, or one that leads nowhere.
 */
async function isComplete(snapshot: string): Promise<boolean> {
  const files = await filesBelow(snapshot);
  if (!files || !files.some((file) => /(^|\/)(config|model_index)\.json$/.test(file))) return false;
  if (!files.some((file) => WEIGHTS.test(file))) return false;
  const shards = await Promise.all(files.filter((file) => INDEX.test(file)).map((file) => shardsOf(snapshot, file)));
  return shards.flat().every((shard) => files.includes(shard));
}

/** Names below the folder, which has few levels; undefined when a link leads nowhere. */
async function filesBelow(folder: string): Promise<string[] | undefined> {
  const files: string[] = [];
  for (const name of await namesIn(folder, true)) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (!found) return undefined;
    if (found.isFile()) files.push(name);
  }
  return files;
}

/** Files that an index of weights speaks of, as paths below the snapshot; one that cannot be read names a missing file. */
async function shardsOf(snapshot: string, index: string): Promise<string[]> {
  const text = (await textOf(join(snapshot, index))) ?? '';
  const folder = index.includes('/') ? index.slice(0, index.lastIndexOf('/') + 1) : '';
  try {
    const { weight_map } = JSON.parse(text) as { weight_map: Record<string, string> };
    return [...new Set(Object.values(weight_map))].map((name) => folder + name);
  } catch {
    return [`${index} is unreadable`];
  }
}

/** What cannot be listed has nothing to offer. */
const namesIn = (folder: string, recursive = false): Promise<string[]> =>
  readdir(folder, { recursive }).catch(() => []);

const textOf = (file: string): Promise<string | undefined> => readFile(file, 'utf8').catch(() => undefined);
