import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type CreateJob,
  CreateJobSchema,
  type Job,
  type JobSeries,
  JobPageSchema,
  JobSchema,
  type JobSeriesQuery,
  JobSeriesQuerySchema,
  JobSeriesSchema,
  type ListJobsQuery,
  ListJobsQuerySchema,
  type Page,
  type UpdateJob,
  UpdateJobSchema,
} from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { AlsoForHolder } from '../auth/access.js';
import { Answers, Refuses } from '../http/openapi.js';
import { sendPageHeaders } from '../http/page-headers.js';
import { CreationId } from '../idempotency/creation-id.js';
import { Idempotent } from '../idempotency/idempotent.js';
import { patienceOf } from '../http/wait-for.js';
import { Caller, type Principal } from '../auth/principal.js';
import { JobsService } from './jobs.service.js';

@ApiTags('Jobs')
@Controller('jobs')
export class JobsController {
  constructor(private readonly jobs: JobsService) {}

  @Post()
  @Idempotent(JobsService)
  @ApiOperation({ summary: 'Submit a training job' })
  @Answers(201, JobSchema, 'The job: `pending` when the tenant has room, else `queued`.')
  @Refuses({
    400: 'A field is wrong.',
    404: 'Unknown dataset or configuration.',
    409: 'The dataset is not ready or of another kind, or a worker still saves the deleted session that it goes on from.',
  })
  create(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Body({ schema: CreateJobSchema }) input: CreateJob,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Job> {
    return this.jobs.create(caller, { ...input, id }, { patience: patienceOf(reply) });
  }

  @Get()
  @ApiOperation({ summary: 'List jobs, newest first' })
  @Answers(200, JobPageSchema, 'One page.')
  @Refuses({ 400: 'A parameter is wrong.' })
  async list(
    @Caller() caller: Principal,
    @Query({ schema: ListJobsQuerySchema }) query: ListJobsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Page<Job>> {
    return sendPageHeaders(reply, await this.jobs.list(caller, query));
  }

  @Get('series')
  @ApiOperation({ summary: 'Job outcomes per day' })
  @Answers(200, JobSeriesSchema, 'The series.')
  @Refuses({ 400: 'A parameter is wrong.' })
  series(
    @Caller() caller: Principal,
    @Query({ schema: JobSeriesQuerySchema }) query: JobSeriesQuery,
  ): Promise<JobSeries> {
    return this.jobs.series(caller, query.window);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get a job with its progress or result' })
  @Answers(200, JobSchema, 'The job.')
  @Refuses({ 404: 'Unknown job.' })
  get(@Caller() caller: Principal, @Param('id') id: string): Promise<Job> {
    return this.jobs.get(caller, id);
  }

  @Patch(':id')
  @AlsoForHolder()
  @ApiOperation({ summary: 'Report status, progress, result or cost (what workers do)' })
  @Answers(200, JobSchema, 'The job after the change.')
  @Refuses({
    400: 'A field is wrong.',
    404: 'Unknown job.',
    409: 'The state table or the attempt forbids it.',
  })
  update(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body({ schema: UpdateJobSchema }) input: UpdateJob,
  ): Promise<Job> {
    return this.jobs.update(caller, id, input);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @ApiOperation({ summary: 'Cancel a job; a running one saves a checkpoint and stops' })
  @Answers(
    200,
    JobSchema,
    'The job: `cancelled`, or still `running` with `cancelRequestedAt` until its worker has stopped.',
  )
  @Refuses({ 404: 'Unknown job.', 409: 'The job is over.' })
  cancel(@Caller() caller: Principal, @Param('id') id: string): Promise<Job> {
    return this.jobs.cancel(caller, id);
  }
}
