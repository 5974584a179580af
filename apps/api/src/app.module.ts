import { type DynamicModule, Global, Module } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { DatabaseModule } from './database/database.module.js';
import { DatasetsModule } from './datasets/datasets.module.js';
import { DispatcherModule } from './dispatcher/dispatcher.module.js';
import { CONFIG, type Config } from './env.js';
import { ErrorPagesController } from './http/error-pages.controller.js';
import { EventsModule } from './events/events.module.js';
import { FleetModule } from './fleet/fleet.module.js';
import { HealthModule } from './health/health.module.js';
import { IdempotencyModule } from './idempotency/idempotency.module.js';
import { JobsModule } from './jobs/jobs.module.js';
import { LoraConfigsModule } from './lora-configs/lora-configs.module.js';
import { StorageModule } from './storage/storage.module.js';
import { TenantsModule } from './tenants/tenants.module.js';

@Global()
@Module({})
export class AppModule {
  static register(config: Config): DynamicModule {
    return {
      module: AppModule,
      controllers: [ErrorPagesController],
      providers: [{ provide: CONFIG, useValue: config }],
      exports: [CONFIG],
      imports: [
        LoggerModule.forRoot({
          pinoHttp: {
            level: config.log.level,
            genReqId: (request) => request.id,
            autoLogging: config.log.level === 'debug' || config.log.level === 'trace',
            redact: ['req.headers.authorization', 'req.headers.cookie', 'req.headers["x-api-key"]'],
          },
        }),
        DatabaseModule,
        TenantsModule,
        StorageModule,
        EventsModule,
        IdempotencyModule,
        DatasetsModule,
        LoraConfigsModule,
        DispatcherModule,
        JobsModule,
        FleetModule,
        HealthModule,
      ],
    };
  }
}
