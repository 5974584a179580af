import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Scope } from '@influencerai/shared';
import { readKey } from '../auth/api-key.js';
import { CONFIG, type Config } from '../env.js';
import { ApiKeysRepository } from './api-keys.repository.js';

/**
 * Makes the keys of the settings known, so that a deployment can come up with its secrets in place. A key that was made
 * known once is left as it is: revoked in the database it stays revoked. One that another has replaced in the settings is
 * revoked.
 */
@Injectable()
export class BootstrapKeys implements OnModuleInit {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly keys: ApiKeysRepository,
  ) {}

  async onModuleInit(): Promise<void> {
    const { operatorKey, workerKey } = this.config.auth.bootstrap;
    if (operatorKey !== undefined) await this.ensure('OPERATOR_KEY', operatorKey, ['read', 'write', 'admin']);
    if (workerKey !== undefined) await this.ensure('WORKER_KEY', workerKey, ['worker']);
  }

  private async ensure(name: string, key: string, scopes: Scope[]): Promise<void> {
    const record = readKey(key);
    if (!record) throw new Error(`${name} is not a key.`);
    await this.keys.ensure(name, scopes, record);
    await this.keys.revokeOthers(name, record.lookup);
  }
}
