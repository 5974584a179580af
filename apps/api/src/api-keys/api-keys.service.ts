import { Injectable } from '@nestjs/common';
import {
  type ApiKey,
  type CreateApiKey,
  fieldError,
  type ListApiKeysQuery,
  type NewApiKey,
  type Page,
  type RotateApiKey,
} from '@influencerai/shared';
import { mintKey } from '../auth/api-key.js';
import { TokenAuthenticator } from '../auth/token.authenticator.js';
import { ApiKeysRepository, type KeyOwner } from './api-keys.repository.js';

/** Keys are shown once, when they are made; what is kept is a hash. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly keys: ApiKeysRepository,
    private readonly authenticator: TokenAuthenticator,
  ) {}

  /** @throws AppError `validation_failed`, `user_not_found` */
  async create(owner: KeyOwner, input: CreateApiKey, now = Date.now()): Promise<NewApiKey> {
    if (owner !== null && input.scopes.includes('worker'))
      throw fieldError(['scopes'], 'The scope worker is for keys of operators: workers serve every tenant.');
    if (input.expiresAt !== null && Date.parse(input.expiresAt) <= now)
      throw fieldError(['expiresAt'], 'Must lie in the future.');
    const minted = mintKey();
    const created = await this.keys.create(owner, input, minted);
    this.authenticator.forget();
    return { ...created, key: minted.key };
  }

  list(owner: KeyOwner, query: ListApiKeysQuery): Promise<Page<ApiKey>> {
    return this.keys.list(owner, query);
  }

  get(owner: KeyOwner, id: string): Promise<ApiKey> {
    return this.keys.getById(owner, id);
  }

  async revoke(owner: KeyOwner, id: string): Promise<ApiKey> {
    const key = await this.keys.revoke(owner, id);
    this.authenticator.forget();
    return key;
  }

  /** @throws AppError `api_key_not_found`, `api_key_over` */
  async rotate(owner: KeyOwner, id: string, { overlapSeconds }: RotateApiKey): Promise<NewApiKey> {
    const { prefix } = await this.keys.getById(owner, id);
    const minted = mintKey(lookupOf(prefix));
    const rotated = await this.keys.rotate(owner, id, { hash: minted.hash, overlapSeconds });
    this.authenticator.forget();
    return { ...rotated, key: minted.key };
  }
}

const lookupOf = (prefix: string): string => prefix.slice(prefix.indexOf('_') + 1);
