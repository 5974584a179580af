import { Body, Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
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
import type { FastifyReply, FastifyRequest } from 'fastify';
import { StreamWatch } from '../auth/stream-watch.js';
import { Answers, Refuses } from '../http/openapi.js';
import { sendEvents } from '../http/sse.js';
import { ForOperators } from '../auth/access.js';
import { Caller, type Identity, Operator, type Principal } from '../auth/principal.js';
import { FleetService } from './fleet.service.js';

/** Workers act for every tenant, so these routes take no tenant; reading the fleet does. A key sees its own workers only. */
@ApiTags('Workers')
@Controller('workers')
export class FleetController {
  constructor(
    private readonly fleet: FleetService,
    private readonly watch: StreamWatch,
  ) {}

  @Get()
  @ApiOperation({ summary: "See the fleet, and the tenant's jobs on it" })
  @Answers(200, WorkerListSchema, 'Workers that reported within the last week.')
  list(@Caller() caller: Principal) {
    return this.fleet.list(caller);
  }

  @Post()
  @ForOperators('worker')
  @HttpCode(200)
  @ApiOperation({ summary: 'Register a worker (what workers do)' })
  @Answers(200, RegisteredWorkerSchema, 'How often to report.')
  @Refuses({ 400: 'A field is wrong.' })
  register(
    @Operator() operator: Identity,
    @Body({ schema: RegisterWorkerSchema }) input: RegisterWorker,
  ): Promise<RegisteredWorker> {
    return this.fleet.register(operator, input);
  }

  @Post(':id/claims')
  @ForOperators('worker')
  @HttpCode(200)
  @ApiOperation({ summary: 'Claim the next job (what workers do)' })
  @Answers(200, ClaimAnswerSchema, 'The job with its lease, or null.')
  @Refuses({ 400: 'A field is wrong.', 404: 'Unknown worker.' })
  claim(
    @Operator() operator: Identity,
    @Param('id') id: string,
    @Body({ schema: ClaimRequestSchema }) input: ClaimRequest,
  ): Promise<ClaimAnswer> {
    return this.fleet.claim(operator, id, input.trainers);
  }

  @Post(':id/heartbeat')
  @ForOperators('worker')
  @HttpCode(200)
  @ApiOperation({ summary: 'Extend the leases of the attempts held (what workers do)' })
  @Answers(200, HeartbeatAnswerSchema, 'What to do with each attempt.')
  @Refuses({ 400: 'A field is wrong.', 404: 'Unknown worker.' })
  heartbeat(
    @Operator() operator: Identity,
    @Param('id') id: string,
    @Body({ schema: HeartbeatSchema }) input: Heartbeat,
  ): Promise<HeartbeatAnswer> {
    return this.fleet.heartbeat(operator, id, input);
  }

  @Get(':id/control')
  @ForOperators('worker')
  @ApiOperation({ summary: 'Hear directives as server-sent events (what workers do)' })
  @ApiProduces('text/event-stream')
  @Answers(200, DirectiveSchema, 'The `data` of each event named `directive`.')
  @Refuses({ 404: 'Unknown worker.' })
  async control(
    @Operator() operator: Identity,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const ended = new AbortController();
    const directives = await this.fleet.control(operator, id, ended.signal);
    this.watch.begin(request, ended);
    sendEvents(reply, directives, ended);
  }
}
