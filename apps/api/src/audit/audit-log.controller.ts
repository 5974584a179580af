import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type AuditLogPage,
  AuditLogPageSchema,
  type ListAuditLogQuery,
  ListAuditLogQuerySchema,
} from '@influencerai/shared';
import { ForAdministrators } from '../auth/access.js';
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
}
