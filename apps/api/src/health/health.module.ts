import { Module } from '@nestjs/common';
import { HealthController } from './health.controller.js';
import { HealthRepository } from './health.repository.js';
import { HealthService } from './health.service.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsService } from './metrics.service.js';

@Module({
  controllers: [HealthController, MetricsController],
  providers: [HealthService, HealthRepository, MetricsService],
  exports: [HealthService, MetricsService],
})
export class HealthModule {}
