import { Body, Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { type QueryAnswer, QueryAnswerSchema, type QueryJob, QueryJobSchema } from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { Needs } from '../auth/access.js';
import { Caller, type Principal } from '../auth/principal.js';
import { clientGone } from '../http/client-gone.js';
import { Answers, Refuses } from '../http/openapi.js';
import { RetrievalService } from './retrieval.service.js';

@ApiTags('Jobs')
@Controller('jobs/:id/query')
export class RetrievalController {
  constructor(private readonly retrieval: RetrievalService) {}

  @Post()
  @HttpCode(200)
  @Needs('read')
  @ApiOperation({ summary: 'Search the index that a job has made' })
  @Answers(200, QueryAnswerSchema, 'The passages that fit best.')
  @Refuses({
    400: 'A field is wrong.',
    404: 'Unknown job.',
    409: 'The job is not completed, or has no index.',
    502: 'The search took too long, or the index cannot be read.',
  })
  query(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body({ schema: QueryJobSchema }) input: QueryJob,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<QueryAnswer> {
    return this.retrieval.query(caller, id, input, clientGone(reply));
  }
}
