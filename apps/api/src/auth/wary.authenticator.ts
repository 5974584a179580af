import { AppError } from '@influencerai/shared';
import type { FastifyRequest } from 'fastify';
import type { FailedLogins } from '../limits/failed-logins.js';
import { Authenticator } from './authenticator.js';
import type { Identity } from './principal.js';

/** Looks at no credentials from an address that has shown too many wrong ones. */
export class WaryAuthenticator extends Authenticator {
  constructor(
    private readonly inner: Authenticator,
    private readonly failures: FailedLogins,
  ) {
    super();
  }

  identify(request: FastifyRequest): Identity | Promise<Identity> {
    this.failures.assertAllowed(request.ip);
    try {
      const identity = this.inner.identify(request);
      return identity instanceof Promise ? identity.catch((error: unknown) => this.refuse(request, error)) : identity;
    } catch (error) {
      return this.refuse(request, error);
    }
  }

  private async refuse({ ip }: FastifyRequest, error: unknown): Promise<never> {
    if (isWrongCredential(error)) await this.failures.note(ip);
    throw error;
  }
}

/** Who shows none guesses none. */
const isWrongCredential = (error: unknown): boolean =>
  error instanceof AppError && (error.code === 'credentials_invalid' || error.code === 'credentials_expired');
