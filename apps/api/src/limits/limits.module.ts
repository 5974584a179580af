import { type DynamicModule, Global, Module, type Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { Config } from '../env.js';
import { HealthModule } from '../health/health.module.js';
import { FailedLogins } from './failed-logins.js';
import { JobUsageRepository } from './job-usage.repository.js';
import { PostgresRates } from './postgres-rates.repository.js';
import { RateLimitGuard } from './rate-limit.guard.js';
import { RateLimiter } from './rate-limiter.js';
import { RateStore } from './rate-store.js';
import { RefusedRequests } from './refused-requests.js';
import { RedisRates } from './redis-rates.repository.js';
import { StorageQuota } from './storage-quota.js';
import { StorageUsageRepository } from './storage-usage.repository.js';
import { TenantPolicies } from './tenant-policies.js';
import { TenantRatesRepository } from './tenant-rates.repository.js';
import { UsageController } from './usage.controller.js';
import { UsageService } from './usage.service.js';

/** Import it after the module whose guard names the caller: guards run in that order. */
@Global()
@Module({})
export class LimitsModule {
  static register(config: Config): DynamicModule {
    return {
      module: LimitsModule,
      imports: [HealthModule],
      controllers: [UsageController],
      providers: [
        StorageQuota,
        StorageUsageRepository,
        JobUsageRepository,
        UsageService,
        TenantRatesRepository,
        TenantPolicies,
        PostgresRates,
        rateStore(config),
        RateLimiter,
        FailedLogins,
        RefusedRequests,
        // Where there are no limits at all, requests pay nothing for them.
        ...(config.rates.arePromisesKept ? [{ provide: APP_GUARD, useClass: RateLimitGuard }] : []),
      ],
      exports: [StorageQuota, FailedLogins, RefusedRequests],
    };
  }
}

const rateStore = ({ rates, redis: { url } }: Config): Provider =>
  rates.arePromisesKept && url !== undefined
    ? { provide: RateStore, useFactory: () => new RedisRates(url) }
    : { provide: RateStore, useExisting: PostgresRates };
