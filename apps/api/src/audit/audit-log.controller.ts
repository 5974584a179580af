import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type AuditLogPage,
  AuditLogPageSchema,
  type AuditVerification,
  AuditVerificationSchema,
  type ListAuditLogQuery,
  ListAuditLogQuerySchema,
} from '@influencerai/shared';
import { ForAdministrators, ForOperators } from '../auth/access.js';
import { type Identity, Operator } from '../auth/principal.js';
import { Answers, Refuses } from '../http/openapi.js';
import { AuditLogService } from './audit-log.service.js';

@ApiTags('Audit log')
@ForAdministrators()
@Controller('audit-log')
export class AuditLogController {
  constructor(private readonly log: AuditLogService) {}

  @Get()
  @ApiOperation({ summary: 'See who did what, newest first' })
  @Answers(200, AuditLogPageSchema, 'One page.')
  @Refuses({ 400: 'A parameter is wrong.' })
  list(
    @Operator() by: Identity,
    @Query({ schema: ListAuditLogQuerySchema }) query: ListAuditLogQuery,
  ): Promise<AuditLogPage> {
    return this.log.list(by, query);
  }

  @Get('verification')
  @ForOperators('admin')
  @ApiOperation({ summary: 'Check that no entry was changed or taken out' })
  @Answers(200, AuditVerificationSchema, 'Where the chain of hashes breaks, if it does.')
  verify(): Promise<AuditVerification> {
    return this.log.verify();
  }
}
