import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { CONFIG, type Config } from '../env.js';
import { FailedLogins } from '../limits/failed-logins.js';
import { TenantsRepository } from '../tenants/tenants.repository.js';
import { AuthGuard } from './auth.guard.js';
import { Authenticator } from './authenticator.js';
import { CredentialsRepository } from './credentials.repository.js';
import { JobHolders } from './job-holders.js';
import { JobHoldersRepository } from './job-holders.repository.js';
import { JwtVerifier } from './jwt-verifier.js';
import { StreamWatch } from './stream-watch.js';
import { TenantHeaderAuthenticator } from './tenant-header.authenticator.js';
import { TokenAuthenticator } from './token.authenticator.js';
import { WaryAuthenticator } from './wary.authenticator.js';

@Global()
@Module({
  providers: [
    CredentialsRepository,
    JobHolders,
    JobHoldersRepository,
    JwtVerifier,
    StreamWatch,
    TokenAuthenticator,
    {
      provide: Authenticator,
      inject: [CONFIG, TenantsRepository, TokenAuthenticator, FailedLogins],
      useFactory: (
        { auth, rates }: Config,
        tenants: TenantsRepository,
        byToken: TokenAuthenticator,
        failures: FailedLogins,
      ): Authenticator => {
        if (auth.mode === 'tenant-header') return new TenantHeaderAuthenticator(tenants);
        return rates.isOn ? new WaryAuthenticator(byToken, failures) : byToken;
      },
    },
    { provide: APP_GUARD, useClass: AuthGuard },
  ],
  exports: [Authenticator, JobHolders, StreamWatch, TokenAuthenticator],
})
export class AuthModule {}
