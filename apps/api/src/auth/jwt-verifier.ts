import { Inject, Injectable } from '@nestjs/common';
import { AppError, isTenantId, type Scope, ScopeSchema, UserIdSchema } from '@influencerai/shared';
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { CONFIG, type Config } from '../env.js';

/** What a token says. Tokens never make a worker or an operator. */
export interface TokenClaims {
  tenantId: string;
  userId: string | undefined;
  scopes: Scope[];
  /** When it ends, in milliseconds since 1970. */
  expiresAtMs: number;
}

type JwtSettings = NonNullable<Config['auth']['jwt']>;

const TOLERANCE_S = 5;
const FETCH_TIMEOUT_MS = 5_000;
const SYMMETRIC = ['HS256', 'HS384', 'HS512'];
const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

/** Checks JSON Web Tokens of the issuer that the settings name (RFC 7519, keys by RFC 7517). */
@Injectable()
export class JwtVerifier {
  private readonly settings: JwtSettings | undefined;
  private readonly key: Uint8Array | JWTVerifyGetKey | undefined;

  constructor(@Inject(CONFIG) { auth }: Config) {
    this.settings = auth.jwt;
    this.key = auth.jwt && keyOf(auth.jwt);
  }

  /** @throws AppError `credentials_invalid`, `credentials_expired`, `service_unavailable` when the issuer's keys cannot be had */
  async verify(token: string): Promise<TokenClaims> {
    if (!this.settings || !this.key) throw new AppError('credentials_invalid');
    return toClaims(await this.check(token, this.settings, this.key), this.settings);
  }

  private async check(token: string, settings: JwtSettings, key: Uint8Array | JWTVerifyGetKey): Promise<JWTPayload> {
    const { issuer, audience, secret } = settings;
    // A shared secret must never be taken for a public key, nor the other way round.
    const algorithms = secret === undefined ? ASYMMETRIC : SYMMETRIC;
    const options = { issuer, audience, algorithms, clockTolerance: TOLERANCE_S, requiredClaims: ['exp'] };
    try {
      const { payload } =
        typeof key === 'function' ? await jwtVerify(token, key, options) : await jwtVerify(token, key, options);
      return payload;
    } catch (error) {
      throw new AppError(codeOf(error), {}, { cause: error });
    }
  }
}

const keyOf = ({ secret, jwksUrl }: JwtSettings): Uint8Array | JWTVerifyGetKey => {
  if (secret !== undefined) return new TextEncoder().encode(secret);
  if (jwksUrl === undefined) throw new Error('Tokens need JWT_SECRET or JWT_JWKS_URL.');
  return createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: FETCH_TIMEOUT_MS });
};

/** Whatever is wrong with the token is the caller's; the rest is the issuer's key server. */
function codeOf(error: unknown): 'credentials_expired' | 'credentials_invalid' | 'service_unavailable' {
  if (error instanceof errors.JWTExpired) return 'credentials_expired';
  const isKeyServer = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  const isTokens = error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC';
  return isTokens && !isKeyServer ? 'credentials_invalid' : 'service_unavailable';
}

function toClaims(payload: JWTPayload, { tenantClaim, userClaim, scopeClaim }: JwtSettings): TokenClaims {
  const tenantId = payload[tenantClaim];
  if (typeof tenantId !== 'string' || !isTenantId(tenantId)) throw new AppError('credentials_invalid');
  return {
    tenantId,
    userId: UserIdSchema.safeParse(payload[userClaim]).data,
    scopes: toScopes(payload[scopeClaim]),
    expiresAtMs: (payload.exp ?? 0) * 1000,
  };
}

/** Space-separated as OAuth has it (RFC 8693), or a list; words of other services are passed over. */
function toScopes(claim: unknown): Scope[] {
  const words: unknown[] = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
  return words
    .map((word) => ScopeSchema.safeParse(word).data)
    .filter((scope): scope is Scope => scope !== undefined && scope !== 'worker');
}
