import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type AppendJobLogs,
  AppendJobLogsSchema,
  type JobLogPage,
  JobLogPageSchema,
  type JobMetrics,
  type JobMetricsQuery,
  JobMetricsQuerySchema,
  JobMetricsSchema,
  type ListJobLogsQuery,
  ListJobLogsQuerySchema,
} from '@influencerai/shared';
import { AlsoForHolder } from '../auth/access.js';
import { Refuses, Answers } from '../http/openapi.js';
import { Caller, type Principal } from '../auth/principal.js';
import { JobHistoryService } from './job-history.service.js';

@ApiTags('Jobs')
@Controller('jobs/:id')
export class JobHistoryController {
  constructor(private readonly history: JobHistoryService) {}

  @Get('logs')
  @ApiOperation({ summary: 'Read what the trainer printed' })
  @Answers(200, JobLogPageSchema, 'Lines, oldest first.')
  @Refuses({ 400: 'A parameter is wrong.', 404: 'Unknown job.' })
  logs(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Query({ schema: ListJobLogsQuerySchema }) query: ListJobLogsQuery,
  ): Promise<JobLogPage> {
    return this.history.logs(caller, id, query);
  }

  @Post('logs')
  @AlsoForHolder()
  @HttpCode(204)
  @ApiOperation({ summary: 'Append log lines (what workers do)' })
  @ApiNoContentResponse({ description: 'They are stored.' })
  @Refuses({ 400: 'A field is wrong.', 404: 'Unknown job.', 409: 'The attempt is over.' })
  appendLogs(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body({ schema: AppendJobLogsSchema }) input: AppendJobLogs,
  ): Promise<void> {
    return this.history.appendLogs(caller, id, input);
  }

  @Get('metrics')
  @AlsoForHolder()
  @ApiOperation({ summary: 'Get the loss curve' })
  @Answers(200, JobMetricsSchema, 'Points by step.')
  @Refuses({ 400: 'A parameter is wrong.', 404: 'Unknown job.' })
  metrics(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Query({ schema: JobMetricsQuerySchema }) query: JobMetricsQuery,
  ): Promise<JobMetrics> {
    return this.history.metrics(caller, id, query.maxPoints);
  }
}
