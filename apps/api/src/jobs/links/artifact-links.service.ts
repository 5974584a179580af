import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { AppError, type ArtifactLink, fieldError, type GetArtifactLinkQuery } from '@influencerai/shared';
import type { Principal } from '../../auth/principal.js';
import { CONFIG, type Config } from '../../env.js';
import { type ByteRange, Storage } from '../../storage/storage.js';
import { TenantsRepository } from '../../tenants/tenants.repository.js';
import type { StoredArtifact } from '../job-artifacts.repository.js';
import { JobArtifactsService } from '../job-artifacts.service.js';
import { type SignedLink, toAddress } from './link-address.js';
import { LinkSecretsRepository } from './link-secrets.repository.js';
import { isSigned, sign } from './link-signature.js';

/**
 * Links by which anybody downloads one file for a while. Where a bucket holds the files it signs them, and its links are
 * opened there; else they lead back here.
 */
@Injectable()
export class ArtifactLinksService {
  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'links'>,
    private readonly artifacts: JobArtifactsService,
    private readonly tenants: TenantsRepository,
    private readonly secrets: LinkSecretsRepository,
    private readonly storage: Storage,
  ) {}

  /** @throws AppError `job_not_found`, `artifact_not_found`, `validation_failed` when it is to live too long */
  async create(
    { tenantId }: Principal,
    jobId: string,
    name: string,
    { expiresInSeconds = this.config.links.lifetimeS }: GetArtifactLinkQuery = {},
  ): Promise<ArtifactLink> {
    const { maxLifetimeS } = this.config.links;
    if (expiresInSeconds > maxLifetimeS)
      throw fieldError(['expiresInSeconds'], `Must be at most ${maxLifetimeS}, as the service is set up.`);
    const { artifact, storageKey } = await this.artifacts.find({ tenantId }, jobId, name);
    const { sha256, contentType } = artifact;
    const expires = Math.floor(Date.now() / 1000) + expiresInSeconds;
    const ofBucket = await this.storage.signDownload(storageKey, { expiresInSeconds, fileName: name, contentType });
    const target = { tenantId, jobId, name, sha256, expires };
    const url = ofBucket ?? toAddress({ ...target, signature: sign((await this.secrets.list())[0], target) });
    return { url, expiresAt: new Date(expires * 1000).toISOString() };
  }

  /**
   * The file that a link opens. Nothing is looked up before the signature is found good, and whatever is wrong gets one
   * answer, so that nothing can be learned from guessing.
   * @throws AppError `link_invalid`
   */
  async open(link: SignedLink | undefined): Promise<StoredArtifact> {
    const isGood =
      link && isSigned(await this.secrets.list(), link, link.signature) && link.expires > Date.now() / 1000;
    if (!isGood) throw new AppError('link_invalid');
    return this.find(link).catch((error: unknown) => {
      throw error instanceof AppError && error.status === 404
        ? new AppError('link_invalid', {}, { cause: error })
        : error;
    });
  }

  read(stored: StoredArtifact, range: ByteRange | undefined): Readable {
    return this.artifacts.read(stored, range);
  }

  /** What was signed may have gone since, or have been replaced, and its tenant may have been disabled. */
  private async find({ tenantId, jobId, name, sha256 }: SignedLink): Promise<StoredArtifact> {
    const stored = await this.artifacts.find({ tenantId }, jobId, name);
    const { isDisabled } = await this.tenants.getById(tenantId);
    if (isDisabled || stored.artifact.sha256 !== sha256) throw new AppError('artifact_not_found', { name });
    return stored;
  }
}
