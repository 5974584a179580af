import { Controller, Get, Headers, Param, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { fieldError, JobEventSchema } from '@influencerai/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Answers, Refuses } from '../http/openapi.js';
import { sendEvents } from '../http/sse.js';
import { Caller, type Principal } from '../auth/principal.js';
import { StreamWatch } from '../auth/stream-watch.js';
import { JobStreamService } from './job-stream.service.js';

const FollowQuerySchema = z.strictObject({
  after: z.string().max(20).optional().describe('Like `Last-Event-ID`, for clients that cannot set headers.'),
});

@ApiTags('Jobs')
@Controller('jobs/:id/events')
export class JobStreamController {
  constructor(
    private readonly stream: JobStreamService,
    private readonly watch: StreamWatch,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Follow a job as server-sent events until it is over' })
  @ApiProduces('text/event-stream')
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Resume after this event.' })
  @Answers(200, JobEventSchema, 'The `data` of each event; `event` repeats its `type`.')
  @Refuses({ 400: 'A parameter is wrong.', 404: 'Unknown job.', 429: 'Too many open streams.' })
  async follow(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Query({ schema: FollowQuerySchema }) query: z.infer<typeof FollowQuerySchema>,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const ended = new AbortController();
    const events = await this.stream.follow(caller, id, parseEventId(lastEventId ?? query.after), ended.signal);
    this.watch.begin(request, ended);
    sendEvents(reply, events, ended);
  }
}

function parseEventId(id: string | undefined): number {
  if (id === undefined || id === '') return 0;
  if (!/^\d{1,15}$/.test(id)) throw fieldError(['Last-Event-ID'], 'Not an id that this stream gave out.');
  return Number(id);
}
