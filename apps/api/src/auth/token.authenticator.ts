import { Inject, Injectable, Logger } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../env.js';
import { isApiKey, isSameHash, readKey } from './api-key.js';
import { Authenticator } from './authenticator.js';
import { type Account, CredentialsRepository, type KeyCredential } from './credentials.repository.js';
import { JwtVerifier, type TokenClaims } from './jwt-verifier.js';
import type { Identity } from './principal.js';
import { readTenantHeader } from './tenant-header.js';
import { TimedCache } from './timed-cache.js';

const CACHE_SIZE = 10_000;
const TOUCH_MS = 60_000;
const MAX_TOKEN_LENGTH = 8_192;

/** API keys and JSON Web Tokens. What the database says of them is believed for a few seconds. */
@Injectable()
export class TokenAuthenticator extends Authenticator {
  private readonly logger = new Logger(TokenAuthenticator.name);
  private readonly keys: TimedCache<KeyCredential | null>;
  private readonly accounts: TimedCache<Account | null>;
  private readonly tokens: TimedCache<TokenClaims>;
  /** Counts what made the caches wrong: what was asked before is not remembered after. */
  private generation = 0;
  private readonly touched = new TimedCache<true>({ ttlMs: TOUCH_MS, size: CACHE_SIZE });

  constructor(
    @Inject(CONFIG) { auth }: Config,
    private readonly credentials: CredentialsRepository,
    private readonly verifier: JwtVerifier,
  ) {
    super();
    const cache = { ttlMs: auth.cacheMs, size: CACHE_SIZE };
    this.keys = new TimedCache(cache);
    this.accounts = new TimedCache(cache);
    this.tokens = new TimedCache(cache);
  }

  identify(request: FastifyRequest): Identity | Promise<Identity> {
    const named = readTenantHeader(request);
    const credential = readCredential(request);
    return isApiKey(credential) ? this.identifyKey(credential, named) : this.identifyToken(credential, named);
  }

  /** Makes a change of keys, users or tenants count at once in this process; others follow when their caches end. */
  forget(): void {
    this.generation += 1;
    this.keys.clear();
    this.accounts.clear();
  }

  private identifyKey(text: string, named: string | undefined): Identity | Promise<Identity> {
    const record = readKey(text);
    if (!record) throw new AppError('credentials_invalid');
    const known = this.keys.get(record.lookup);
    // A secret that what is remembered does not know may be newer than it: another replica has rotated the key.
    return known && isOneOf(known, record.hash)
      ? this.admitKey(known, record.hash, named)
      : this.findKey(record.lookup).then((found) => this.admitKey(found, record.hash, named));
  }

  private async findKey(lookup: string): Promise<KeyCredential | null> {
    const { generation } = this;
    const found = (await this.credentials.findKey(lookup)) ?? null;
    return generation === this.generation ? this.keys.set(lookup, found) : found;
  }

  private admitKey(key: KeyCredential | null, hash: string, named: string | undefined): Identity | Promise<Identity> {
    if (!key) throw new AppError('credentials_invalid');
    assertGood(key, hash);
    this.touch(key.id);
    const identity: Identity = {
      tenantId: tenantOf(key.tenantId, named),
      isOperator: key.tenantId === null,
      scopes: key.scopes,
      keyId: key.id,
      ...(key.userId !== null && { userId: key.userId }),
    };
    return identity.isOperator && named !== undefined ? this.withKnownTenant(identity, named) : identity;
  }

  private async identifyToken(token: string, named: string | undefined): Promise<Identity> {
    const claims = this.tokens.get(token) ?? (await this.verify(token));
    const account = await this.accountOf(claims.tenantId, claims.userId ?? null);
    if (!account) throw new AppError('credentials_invalid');
    assertEnabled(account);
    return {
      tenantId: tenantOf(claims.tenantId, named),
      isOperator: false,
      scopes: claims.scopes,
      ...(claims.userId !== undefined && { userId: claims.userId }),
    };
  }

  private async verify(token: string): Promise<TokenClaims> {
    const claims = await this.verifier.verify(token);
    return this.tokens.set(token, claims, { until: claims.expiresAtMs });
  }

  /** An operator may name any tenant that there is. */
  private async withKnownTenant(identity: Identity, tenantId: string): Promise<Identity> {
    if (!(await this.accountOf(tenantId, null))) throw new AppError('tenant_not_found', { id: tenantId });
    return identity;
  }

  private async accountOf(tenantId: string, userId: string | null): Promise<Account | null> {
    const cacheKey = JSON.stringify([tenantId, userId]);
    const known = this.accounts.get(cacheKey);
    if (known !== undefined) return known;
    const { generation } = this;
    const found = (await this.credentials.findAccount(tenantId, userId)) ?? null;
    return generation === this.generation ? this.accounts.set(cacheKey, found) : found;
  }

  /** Nobody waits for the note of when a key was used, and nobody is refused when it cannot be made. */
  private touch(keyId: string): void {
    if (this.touched.get(keyId)) return;
    this.touched.set(keyId, true);
    this.credentials
      .touchKey(keyId)
      .catch((error: unknown) => this.logger.warn({ err: error, keyId }, 'The last use of a key was not noted.'));
  }
}

/** `Authorization: Bearer …`, or `x-api-key`. @throws AppError `credentials_missing`, `credentials_invalid` */
function readCredential({ headers }: FastifyRequest): string {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  const credential = bearer ?? headers['x-api-key'];
  if (credential === undefined || credential === '')
    throw new AppError(headers.authorization ? 'credentials_invalid' : 'credentials_missing');
  if (typeof credential !== 'string' || credential.length > MAX_TOKEN_LENGTH) throw new AppError('credentials_invalid');
  return credential;
}

/** Nothing is told about a key whose secret is wrong. @throws AppError */
function assertGood(key: KeyCredential, hash: string, now = Date.now()): void {
  const isCurrent = isSameHash(key.secretHash, hash);
  if (!isOneOf(key, hash) || key.isRevoked) throw new AppError('credentials_invalid');
  if (isOver(key.expiresAt, now) || (!isCurrent && isOver(key.previousExpiresAt, now)))
    throw new AppError('credentials_expired');
  assertEnabled(key);
}

/** Whether the hash is that of the present secret or of the one before, still good or not. */
const isOneOf = ({ secretHash, previousHash }: KeyCredential, hash: string): boolean =>
  isSameHash(secretHash, hash) || (previousHash !== null && isSameHash(previousHash, hash));

function assertEnabled({ isTenantDisabled, isUserDisabled }: Account): void {
  if (isTenantDisabled) throw new AppError('tenant_disabled');
  if (isUserDisabled) throw new AppError('user_disabled');
}

/** The tenant that the request is about. @throws AppError `tenant_mismatch` */
function tenantOf(own: string | null, named: string | undefined): string | undefined {
  if (own !== null && named !== undefined && named !== own) throw new AppError('tenant_mismatch');
  return own ?? named;
}

const isOver = (at: Date | null, now: number): boolean => at !== null && at.getTime() <= now;
