import { Module } from '@nestjs/common';
import { HealthModule } from '../../health/health.module.js';
import { ManagerHealthController } from './manager-health.controller.js';

@Module({ imports: [HealthModule], controllers: [ManagerHealthController] })
export class ManagerModule {}
