import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import {
  type Adapter,
  type ArtifactLink,
  type DeletedAdapter,
  type ListAdaptersQuery,
  type Page,
  type UpdateAdapter,
} from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { assertStorable } from '../http/json-limits.js';
import type { StoredArtifact } from '../jobs/job-artifacts.repository.js';
import { JobArtifactsService } from '../jobs/job-artifacts.service.js';
import { ArtifactLinksService } from '../jobs/links/artifact-links.service.js';
import { type ByteRange, Storage } from '../storage/storage.js';
import { AdapterServingService } from './adapter-serving.service.js';
import { AdaptersRepository } from './adapters.repository.js';

type Owner = Pick<Principal, 'tenantId'>;

/** Finished LoRAs: what they are, and their files. */
@Injectable()
export class AdaptersService {
  constructor(
    private readonly adapters: AdaptersRepository,
    private readonly serving: AdapterServingService,
    private readonly artifacts: JobArtifactsService,
    private readonly links: ArtifactLinksService,
    private readonly storage: Storage,
  ) {}

  list({ tenantId }: Owner, query: ListAdaptersQuery): Promise<Page<Adapter>> {
    return this.adapters.list(tenantId, query);
  }

  /** @throws AppError `adapter_not_found` */
  async get({ tenantId }: Owner, name: string): Promise<Adapter> {
    return (await this.adapters.getByName(tenantId, name)).adapter;
  }

  /** @throws AppError `adapter_not_found`, `validation_failed` */
  async update({ tenantId }: Owner, name: string, { description }: UpdateAdapter): Promise<Adapter> {
    assertStorable(description, undefined, ['description']);
    if (description === undefined) return this.get({ tenantId }, name);
    return this.adapters.describe(tenantId, name, description);
  }

  /**
   * Removes an adapter that is not loaded: its files first, then the rows of both, so that a deletion that breaks can be
   * repeated and nothing lies in storage that no row knows of.
   * @throws AppError `adapter_not_found`, `adapter_in_use`, `adapter_busy`
   */
  async delete({ tenantId }: Owner, name: string): Promise<DeletedAdapter> {
    const claim = await this.serving.release({ tenantId }, name);
    for (const key of await this.adapters.filesOf(claim.adapter)) await this.storage.remove(key);
    await this.adapters.remove(claim);
    return { success: true };
  }

  /** The weights. @throws AppError `adapter_not_found`, `artifact_not_found` when the file is gone */
  async file({ tenantId }: Owner, name: string): Promise<StoredArtifact> {
    const { jobId, fileName } = await this.get({ tenantId }, name);
    return this.artifacts.find({ tenantId }, jobId, fileName);
  }

  read(stored: StoredArtifact, range?: ByteRange): Readable {
    return this.artifacts.read(stored, range);
  }

  /** A link to the weights that needs no credentials. @throws AppError `adapter_not_found`, `artifact_not_found` */
  async link(caller: Principal, name: string): Promise<ArtifactLink> {
    const { jobId, fileName } = await this.get(caller, name);
    return this.links.create(caller, jobId, fileName);
  }
}
