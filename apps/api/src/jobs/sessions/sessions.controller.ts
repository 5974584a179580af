import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type GrantSteps,
  GrantStepsSchema,
  type Job,
  JobSchema,
  type Page,
  type PageQuery,
  PageQuerySchema,
  type Session,
  SessionPageSchema,
  SessionSchema,
} from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { Caller, type Principal } from '../../auth/principal.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { sendPageHeaders } from '../../http/page-headers.js';
import { CreationId } from '../../idempotency/creation-id.js';
import { Idempotent } from '../../idempotency/idempotent.js';
import { SessionGrantsService } from './session-grants.service.js';
import { SessionsService } from './sessions.service.js';

@ApiTags('Jobs')
@Controller('jobs')
export class SessionsController {
  constructor(
    private readonly sessions: SessionsService,
    private readonly grants: SessionGrantsService,
  ) {}

  @Get('sessions')
  @ApiOperation({ summary: 'List sessions, newest first' })
  @Answers(200, SessionPageSchema, 'One page.')
  @Refuses({ 400: 'A parameter is wrong.' })
  async list(
    @Caller() caller: Principal,
    @Query({ schema: PageQuerySchema }) query: PageQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Page<Session>> {
    return sendPageHeaders(reply, await this.sessions.list(caller, query));
  }

  @Get(':id/session')
  @ApiOperation({ summary: 'Get the steps of a session: granted, done, saved' })
  @Answers(200, SessionSchema, 'The session.')
  @Refuses({ 404: 'Unknown job, or no session.' })
  get(@Caller() caller: Principal, @Param('id') id: string): Promise<Session> {
    return this.sessions.get(caller, id);
  }

  @Post(':id/steps')
  @Idempotent(SessionGrantsService)
  @ApiOperation({ summary: 'Grant a session further steps' })
  @Answers(201, SessionSchema, 'The session, with what was granted added.')
  @Refuses({
    400: 'A field is wrong.',
    404: 'Unknown job, or no session.',
    409: 'The job is over, or all its steps are granted.',
  })
  grant(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @CreationId() grantId: string,
    @Body({ schema: GrantStepsSchema }) input: GrantSteps,
  ): Promise<Session> {
    return this.grants.grant(caller, id, { ...input, id: grantId });
  }

  @Post(':id/session/release')
  @HttpCode(200)
  @ApiOperation({ summary: 'Let the worker save and give its slot up; the session goes on wherever one is free' })
  @Answers(200, SessionSchema, 'The session, as it is at the moment.')
  @Refuses({ 404: 'Unknown job, or no session.' })
  release(@Caller() caller: Principal, @Param('id') id: string): Promise<Session> {
    return this.sessions.release(caller, id);
  }

  @Delete(':id/session')
  @ApiOperation({ summary: 'End a session and forget it; its job and files stay' })
  @Answers(
    200,
    JobSchema,
    'The job: over, or still `running` with `cancelRequestedAt` until its worker has saved and stopped.',
  )
  @Refuses({ 404: 'Unknown job, or no session.' })
  remove(@Caller() caller: Principal, @Param('id') id: string): Promise<Job> {
    return this.sessions.remove(caller, id);
  }
}
