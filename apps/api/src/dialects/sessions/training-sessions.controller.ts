import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../../auth/access.js';
import { Caller, type Principal } from '../../auth/principal.js';
import { DatasetsService } from '../../datasets/datasets.service.js';
import { Speaks } from '../../http/face.js';
import { Gone } from '../../http/gone.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { patienceOf } from '../../http/wait-for.js';
import { CreationId } from '../../idempotency/creation-id.js';
import { Idempotent } from '../../idempotency/idempotent.js';
import { JobsService, type SubmitRules } from '../../jobs/jobs.service.js';
import { SessionGrantsService } from '../../jobs/sessions/session-grants.service.js';
import { SessionsService } from '../../jobs/sessions/sessions.service.js';
import { SESSIONS } from './sessions.face.js';
import { fromSession, toCreateJob, toDataset, toPageQuery } from './sessions.mapper.js';
import { CreatedSessions, GrantedSessions } from './sessions.readers.js';
import {
  type ListQuery,
  ListQuerySchema,
  type SessionCreate,
  SessionCreateSchema,
  type SessionStatus,
  SessionStatusSchema,
  type Steps,
  StepsSchema,
} from './sessions.schema.js';

const RULES: SubmitRules = { trainer: 'ai-toolkit' };

@Speaks(SESSIONS)
@ApiTags('Sessions')
@Refuses({ 422: 'The request is malformed.' })
@Controller()
export class TrainingSessionsController {
  constructor(
    private readonly sessions: SessionsService,
    private readonly grants: SessionGrantsService,
    private readonly jobs: JobsService,
    private readonly datasets: DatasetsService,
  ) {}

  @Post()
  @Idempotent(CreatedSessions)
  @ApiOperation({ summary: 'Create a session; it waits for its first steps' })
  @Answers(201, SessionStatusSchema, 'The session.')
  @Refuses({
    400: 'The dataset is not there, or nothing of it can be trained on.',
    409: 'Another session has the name, the dataset is so large that it is still looked through, or a deleted session of the name is still saved.',
    422: 'A field is wrong, or the Idempotency-Key was used with another body.',
  })
  async create(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Body({ schema: SessionCreateSchema }) body: SessionCreate,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SessionStatus> {
    const patience = patienceOf(reply);
    const dataset = await this.datasets.ensure(caller, toDataset(body), patience);
    await this.jobs.create(caller, { ...toCreateJob(body, { id, datasetId: dataset.id }), id }, { ...RULES, patience });
    return fromSession(await this.sessions.get(caller, id));
  }

  @Get()
  @ApiOperation({ summary: 'List sessions, newest first' })
  @Answers(200, SessionStatusSchema.array(), 'All of them, up to the limit.', { 'x-total-count': 'Number of all.' })
  async list(
    @Caller() caller: Principal,
    @Query({ schema: ListQuerySchema }) query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SessionStatus[]> {
    const { data, total } = await this.sessions.list(caller, toPageQuery(query));
    void reply.header('x-total-count', total);
    return data.map(fromSession);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Inspect a session' })
  @Answers(200, SessionStatusSchema, 'The session.')
  @Refuses({ 404: 'Unknown session.' })
  async get(@Caller() caller: Principal, @Param('id') id: string): Promise<SessionStatus> {
    return fromSession(await this.sessions.getByName(caller, id));
  }

  @Post(':id/steps')
  @HttpCode(200)
  @Idempotent(GrantedSessions)
  @ApiOperation({ summary: 'Grant further steps' })
  @Answers(200, SessionStatusSchema, 'The session, with what was granted added.')
  @Refuses({
    404: 'Unknown session.',
    409: 'Training is over, or all steps are granted.',
    422: 'A field is wrong, or the Idempotency-Key was used with another body.',
  })
  async grant(
    @Caller() caller: Principal,
    @Param('id') name: string,
    @CreationId() id: string,
    @Body({ schema: StepsSchema }) { steps }: Steps,
  ): Promise<SessionStatus> {
    const session = await this.sessions.getByName(caller, name);
    return fromSession(await this.grants.grant(caller, session.id, { id, steps }));
  }

  @Post(':id/abort')
  @HttpCode(202)
  @ApiOperation({ summary: 'Stop training at once, with a checkpoint; the device is given back' })
  @Answers(202, SessionStatusSchema, '`aborting` until the worker has saved and stopped, then `aborted`.')
  @Refuses({ 404: 'Unknown session.' })
  async abort(@Caller() caller: Principal, @Param('id') name: string): Promise<SessionStatus> {
    const { id } = await this.sessions.getByName(caller, name);
    await this.sessions.abort(caller, id);
    return fromSession(await this.sessions.get(caller, id));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Abort a session if need be, and remove it; its files stay' })
  @ApiNoContentResponse({ description: 'It is gone; a worker that held it saves and stops.' })
  @Refuses({ 404: 'Unknown session.' })
  async remove(@Caller() caller: Principal, @Param('id') name: string): Promise<void> {
    const { id } = await this.sessions.getByName(caller, name);
    await this.sessions.remove(caller, id);
  }

  @Post(':id/epochs')
  @Public()
  @Gone('POST /sessions/{id}/steps')
  @ApiOperation({ summary: 'Gone: grant steps', deprecated: true })
  @Refuses({ 410: 'Always.' })
  grantEpochs(@Param('id') _: string): void {}

  @Get(':id/epochs')
  @Public()
  @Gone('POST /sessions/{id}/steps')
  @ApiOperation({ summary: 'Gone: inspect the session', deprecated: true })
  @Refuses({ 410: 'Always.' })
  getEpochs(@Param('id') _: string): void {}
}
