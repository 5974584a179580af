import { Inject, Injectable } from '@nestjs/common';
import { Database, type PreparedQuery } from '../../database/database.js';
import { CONFIG, type Config } from '../../env.js';
import type { LinkSecret } from './link-signature.js';

/** The secrets that sign links: those of the settings, else the one that the replicas share through the database. */
@Injectable()
export class LinkSecretsRepository {
  private kept: LinkSecret | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'links'>,
    private readonly database: Database,
  ) {}

  /** At least one. The first signs; what any of them signed is believed. */
  async list(): Promise<readonly [LinkSecret, ...LinkSecret[]]> {
    const [first, ...others] = this.config.links.secrets ?? [];
    if (first !== undefined) return [first, ...others];
    this.kept ??= await this.read();
    return [this.kept];
  }

  private async read(): Promise<Buffer> {
    const [row] = await this.database.query<{ secret: Buffer }>(READ, []);
    if (!row) throw new Error('The table link_secret has lost its row; set LINK_SECRET.');
    return row.secret;
  }
}

const READ: PreparedQuery = { name: 'link-secret', text: 'select secret from link_secret where id = 1' };
