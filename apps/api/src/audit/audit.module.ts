import { Module } from '@nestjs/common';
import { AuditLogController } from './audit-log.controller.js';
import { AuditLogRepository } from './audit-log.repository.js';
import { AuditLogService } from './audit-log.service.js';
import { AuditTrail } from './audit-trail.js';

@Module({
  controllers: [AuditLogController],
  providers: [AuditLogRepository, AuditLogService, AuditTrail],
  exports: [AuditLogRepository],
})
export class AuditModule {}
