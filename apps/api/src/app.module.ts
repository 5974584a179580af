import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { ModelRegistry } from '@influencerai/trainers';
import { LoggerModule } from 'nestjs-pino';
import { AdaptersModule } from './adapters/adapters.module.js';
import { ApiKeysModule } from './api-keys/api-keys.module.js';
import { AuditModule } from './audit/audit.module.js';
import { AuthModule } from './auth/auth.module.js';
import { BaseModelsModule } from './base-models/base-models.module.js';
import { DatabaseModule } from './database/database.module.js';
import { DatasetMixesModule } from './dataset-mixes/dataset-mixes.module.js';
import { DatasetsModule } from './datasets/datasets.module.js';
import { DispatcherModule } from './dispatcher/dispatcher.module.js';
import { DialectsModule } from './dialects/dialects.module.js';
import { CONFIG, type Config } from './env.js';
import { ErrorPagesController } from './http/error-pages.controller.js';
import { requestFields } from './http/request-context.js';
import { EventsModule } from './events/events.module.js';
import { FleetModule } from './fleet/fleet.module.js';
import { HealthModule } from './health/health.module.js';
import { IdempotencyModule } from './idempotency/idempotency.module.js';
import { JobsModule } from './jobs/jobs.module.js';
import { LimitsModule } from './limits/limits.module.js';
import { LoraConfigsModule } from './lora-configs/lora-configs.module.js';
import { MODELS } from './models.js';
import { ProjectsModule } from './projects/projects.module.js';
import { RetrievalModule } from './retrieval/retrieval.module.js';
import { StorageModule } from './storage/storage.module.js';
import { TextDatasetsModule } from './text-datasets/text-datasets.module.js';
import { TenantsModule } from './tenants/tenants.module.js';
import { TrainingDefaultsModule } from './training-defaults/training-defaults.module.js';
import { UploadsModule } from './uploads/uploads.module.js';
import { WorkerPoolModule } from './worker-pool/worker-pool.module.js';
import { UsersModule } from './users/users.module.js';

@Global()
@Module({})
export class AppModule {
  static register(config: Config, models: ModelRegistry): DynamicModule {
    return {
      module: AppModule,
      controllers: [ErrorPagesController],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: MODELS, useValue: models },
      ],
      exports: [CONFIG, MODELS],
      imports: [
        LoggerModule.forRoot({
          pinoHttp: {
            level: config.log.level,
            genReqId: (request) => request.id,
            mixin: requestFields,
          },
          // Its middleware makes a logger for every request, a fifth of what a request costs, and logs every header.
          forRoutes: [],
        }),
        DatabaseModule,
        TenantsModule,
        AuthModule,
        ApiKeysModule,
        UsersModule,
        AuditModule,
        StorageModule,
        LimitsModule.register(config),
        EventsModule,
        IdempotencyModule,
        DatasetsModule,
        UploadsModule,
        DatasetMixesModule,
        TextDatasetsModule,
        LoraConfigsModule,
        TrainingDefaultsModule,
        DispatcherModule,
        JobsModule,
        AdaptersModule,
        RetrievalModule,
        BaseModelsModule,
        ProjectsModule,
        FleetModule,
        WorkerPoolModule,
        HealthModule,
        DialectsModule,
      ],
    };
  }
}
