import { Body, Controller, Get, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type CreateTenant,
  CreateTenantSchema,
  type ListTenantsQuery,
  ListTenantsQuerySchema,
  type Page,
  type Tenant,
  TenantPageSchema,
  TenantSchema,
  type UpdateTenant,
  UpdateTenantSchema,
} from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { ForOperators } from '../auth/access.js';
import { Answers, Refuses } from '../http/openapi.js';
import { PAGE_HEADERS, sendPageHeaders } from '../http/page-headers.js';
import { TenantsService } from './tenants.service.js';

@ApiTags('Tenants')
@ForOperators('admin')
@Controller('tenants')
export class TenantsController {
  constructor(private readonly tenants: TenantsService) {}

  @Post()
  @ApiOperation({ summary: 'Create a tenant' })
  @Answers(201, TenantSchema, 'The tenant, limits filled in.')
  @Refuses({ 400: 'A field is wrong.', 409: 'The id is taken.' })
  create(@Body({ schema: CreateTenantSchema }) input: CreateTenant): Promise<Tenant> {
    return this.tenants.create(input);
  }

  @Get()
  @ApiOperation({ summary: 'List tenants, newest first' })
  @Answers(200, TenantPageSchema, 'One page.', PAGE_HEADERS)
  @Refuses({ 400: 'A parameter is wrong.' })
  async list(
    @Query({ schema: ListTenantsQuerySchema }) query: ListTenantsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Page<Tenant>> {
    return sendPageHeaders(reply, await this.tenants.list(query));
  }

  @Get(':tenantId')
  @ApiOperation({ summary: 'Get a tenant with its limits' })
  @Answers(200, TenantSchema, 'The tenant.')
  @Refuses({ 404: 'Unknown tenant.' })
  get(@Param('tenantId') tenantId: string): Promise<Tenant> {
    return this.tenants.get(tenantId);
  }

  @Patch(':tenantId')
  @ApiOperation({ summary: 'Change the limits of a tenant, disable or enable it' })
  @Answers(200, TenantSchema, 'The tenant after the change.')
  @Refuses({ 400: 'A field is wrong.', 404: 'Unknown tenant.' })
  update(
    @Param('tenantId') tenantId: string,
    @Body({ schema: UpdateTenantSchema }) input: UpdateTenant,
  ): Promise<Tenant> {
    return this.tenants.update(tenantId, input);
  }
}
