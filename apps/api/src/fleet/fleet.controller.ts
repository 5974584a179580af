import { Body, Controller, Get, HttpCode, Param, Post, Res, UseGuards } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiSecurity, ApiTags } from '@nestjs/swagger';
import {
  type ClaimAnswer,
  ClaimAnswerSchema,
  type ClaimRequest,
  ClaimRequestSchema,
  DirectiveSchema,
  type Heartbeat,
  type HeartbeatAnswer,
  HeartbeatAnswerSchema,
  HeartbeatSchema,
  type RegisteredWorker,
  RegisteredWorkerSchema,
  type RegisterWorker,
  RegisterWorkerSchema,
  WorkerListSchema,
} from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { Answers, Refuses } from '../http/openapi.js';
import { sendEvents } from '../http/sse.js';
import { Caller, type Principal } from '../tenants/principal.js';
import { TenantHeaderGuard } from '../tenants/tenant-header.guard.js';
import { FleetService } from './fleet.service.js';

/** Workers act for every tenant, so these routes take no tenant; reading the fleet does. */
@ApiTags('Workers')
@Controller('workers')
export class FleetController {
  constructor(private readonly fleet: FleetService) {}

  @Get()
  @UseGuards(TenantHeaderGuard)
  @ApiSecurity('tenant')
  @ApiOperation({ summary: "See the fleet, and the tenant's jobs on it" })
  @Answers(200, WorkerListSchema, 'Workers that reported within the last week.')
  @Refuses({ 401: 'No tenant.' })
  list(@Caller() caller: Principal) {
    return this.fleet.list(caller);
  }

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'Register a worker (what workers do)' })
  @Answers(200, RegisteredWorkerSchema, 'How often to report.')
  @Refuses({ 400: 'A field is wrong.' })
  register(@Body({ schema: RegisterWorkerSchema }) input: RegisterWorker): Promise<RegisteredWorker> {
    return this.fleet.register(input);
  }

  @Post(':id/claims')
  @HttpCode(200)
  @ApiOperation({ summary: 'Claim the next job (what workers do)' })
  @Answers(200, ClaimAnswerSchema, 'The job with its lease, or null.')
  @Refuses({ 400: 'A field is wrong.', 404: 'Unknown worker.' })
  claim(@Param('id') id: string, @Body({ schema: ClaimRequestSchema }) input: ClaimRequest): Promise<ClaimAnswer> {
    return this.fleet.claim(id, input.trainers);
  }

  @Post(':id/heartbeat')
  @HttpCode(200)
  @ApiOperation({ summary: 'Extend the leases of the attempts held (what workers do)' })
  @Answers(200, HeartbeatAnswerSchema, 'What to do with each attempt.')
  @Refuses({ 400: 'A field is wrong.', 404: 'Unknown worker.' })
  heartbeat(@Param('id') id: string, @Body({ schema: HeartbeatSchema }) input: Heartbeat): Promise<HeartbeatAnswer> {
    return this.fleet.heartbeat(id, input);
  }

  @Get(':id/control')
  @ApiOperation({ summary: 'Hear directives as server-sent events (what workers do)' })
  @ApiProduces('text/event-stream')
  @Answers(200, DirectiveSchema, 'The `data` of each event named `directive`.')
  @Refuses({ 404: 'Unknown worker.' })
  async control(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const ended = new AbortController();
    sendEvents(reply, await this.fleet.control(id, ended.signal), ended);
  }
}
