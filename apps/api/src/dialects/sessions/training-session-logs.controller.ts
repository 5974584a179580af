import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Caller, type Principal } from '../../auth/principal.js';
import { StreamWatch } from '../../auth/stream-watch.js';
import { Speaks } from '../../http/face.js';
import { sendLive } from '../../http/live-answer.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { SessionLogsService } from '../../jobs/sessions/session-logs.service.js';
import { SessionsService } from '../../jobs/sessions/sessions.service.js';
import { SESSIONS } from './sessions.face.js';
import { fromLines, fromLog } from './sessions.mapper.js';
import { type Logs, LogsSchema, type LogsQuery, LogsQuerySchema } from './sessions.schema.js';

const PLAIN_TEXT = 'text/plain; charset=utf-8';

@Speaks(SESSIONS)
@ApiTags('Sessions')
@Refuses({ 404: 'Unknown session.', 422: 'The request is malformed.' })
@Controller(':id/logs')
export class TrainingSessionLogsController {
  constructor(
    private readonly sessions: SessionsService,
    private readonly logs: SessionLogsService,
    private readonly watch: StreamWatch,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Fetch the newest lines of the log' })
  @Answers(200, LogsSchema, 'The lines.')
  async recent(
    @Caller() caller: Principal,
    @Param('id') name: string,
    @Query({ schema: LogsQuerySchema }) { limit }: LogsQuery,
  ): Promise<Logs> {
    const session = await this.sessions.getByName(caller, name);
    return fromLines(session, await this.logs.recent(caller, session.id, limit));
  }

  @Get('stream')
  @ApiOperation({ summary: 'Follow the log as plain text until training is over or the session is deleted' })
  @ApiOkResponse({
    description: 'Lines from the first on, then those that come.',
    content: { 'text/plain': { schema: { type: 'string' } } },
  })
  @Refuses({ 429: 'Too many open streams.' })
  async stream(
    @Caller() caller: Principal,
    @Param('id') name: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const ended = new AbortController();
    const { id } = await this.sessions.getByName(caller, name);
    const lines = await this.logs.follow(caller, id, ended.signal);
    this.watch.begin(request, ended);
    sendLive(reply, fromLog(lines), ended, { contentType: PLAIN_TEXT });
  }
}
