import { createWriteStream } from 'node:fs';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../env.js';
import { newId } from '../../http/new-id.js';
import { JobArtifactsRepository, type StoredArtifact } from '../../jobs/job-artifacts.repository.js';
import { Storage } from '../../storage/storage.js';
import type { ServedAdapter } from './serving-runtime.js';

/** Of what a tenant's job left beside its weights, all that PEFT reads. */
const CONFIG_FILE = 'adapter_config.json';
const WEIGHTS_FILE = 'adapter_model.safetensors';

/**
 * Adapters in folders as PEFT names their files, for runtimes that read them by path. Copied from storage, so that a
 * bucket will do, and a runtime sees what it is to load and nothing else. Weights are only ever safetensors there, which
 * hold no code.
 */
@Injectable()
export class StagedAdapters {
  private readonly root: string;

  constructor(
    @Inject(CONFIG) { serving }: Pick<Config, 'serving'>,
    private readonly artifacts: JobArtifactsRepository,
    private readonly storage: Storage,
  ) {
    this.root = serving.root;
  }

  /** The folder of an adapter, with its files. It appears whole. */
  async stage(adapter: ServedAdapter, signal: AbortSignal): Promise<string> {
    const folder = this.folderOf(adapter);
    if (await isThere(folder)) return folder;
    const partial = `${folder}.${newId()}.part`;
    try {
      await mkdir(partial, { recursive: true });
      for (const [name, { storageKey }] of await this.filesOf(adapter))
        await pipeline(this.storage.read(storageKey), createWriteStream(join(partial, name)), { signal });
      await rename(partial, folder).catch((error: unknown) => ignoreIfThere(folder, error));
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
    return folder;
  }

  /** It may be gone already. */
  async remove(adapter: Pick<ServedAdapter, 'id'>): Promise<void> {
    await rm(this.folderOf(adapter), { recursive: true, force: true });
  }

  private folderOf({ id }: Pick<ServedAdapter, 'id'>): string {
    return join(this.root, id);
  }

  private async filesOf({ tenantId, jobId, fileName }: ServedAdapter): Promise<[string, StoredArtifact][]> {
    const found = await Promise.all(
      [
        [WEIGHTS_FILE, fileName],
        [CONFIG_FILE, CONFIG_FILE],
      ].map(async ([target, name]) => [target, await this.artifacts.find(tenantId, jobId, name as string)] as const),
    );
    return found.filter((entry): entry is [string, StoredArtifact] => entry[1] !== undefined);
  }
}

/** Another replica has made the same folder meanwhile. */
async function ignoreIfThere(folder: string, error: unknown): Promise<void> {
  if (!(await isThere(folder))) throw error;
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
