import { Body, Controller, Get, Param, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type Job,
  type JobManifest,
  JobManifestSchema,
  JobSchema,
  type RerunJob,
  RerunJobSchema,
} from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { Answers, Refuses } from '../http/openapi.js';
import { CreationId } from '../idempotency/creation-id.js';
import { Idempotent } from '../idempotency/idempotent.js';
import { Caller, type Principal } from '../auth/principal.js';
import { JobRerunService } from './job-rerun.service.js';
import { JobsService } from './jobs.service.js';

@ApiTags('Jobs')
@Controller('jobs/:id')
export class JobRerunController {
  constructor(private readonly reruns: JobRerunService) {}

  @Get('manifest')
  @ApiOperation({ summary: 'Get what the job was frozen with and what came of it, as `manifest.json`' })
  @Answers(200, JobManifestSchema, 'The manifest.')
  @Refuses({ 404: 'Unknown job.' })
  async manifest(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobManifest> {
    const manifest = await this.reruns.manifest(caller, id);
    void reply.header('content-disposition', 'inline; filename="manifest.json"');
    return manifest;
  }

  @Post('rerun')
  @Idempotent(JobsService)
  @ApiOperation({ summary: 'Submit a job again with the very values that it was frozen with' })
  @Answers(201, JobSchema, 'The new job, with `rerunOf`.')
  @Refuses({
    400: 'A field is wrong.',
    404: 'Unknown job.',
    409: 'The dataset has changed or is not ready.',
  })
  rerun(
    @Caller() caller: Principal,
    @Param('id') sourceId: string,
    @CreationId() id: string,
    @Body({ schema: RerunJobSchema }) input: RerunJob,
  ): Promise<Job> {
    return this.reruns.rerun(caller, sourceId, { ...input, id });
  }
}
