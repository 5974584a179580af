import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, type Principal } from '../../auth/principal.js';
import { sendDownload } from '../../http/download.js';
import { Speaks } from '../../http/face.js';
import { Answers, AnswersFile, Refuses } from '../../http/openapi.js';
import { JobArtifactsService } from '../../jobs/job-artifacts.service.js';
import { JobsService } from '../../jobs/jobs.service.js';
import { SUBMIT } from './submit.face.js';
import { fromArtifacts, fromSpec, toJobId } from './submit.mapper.js';
import { type Outputs, OutputsSchema, type TrainingConfig, TrainingConfigSchema } from './submit.schema.js';

@Speaks(SUBMIT)
@ApiTags('Results')
@Controller()
export class SubmitFilesController {
  constructor(
    private readonly jobs: JobsService,
    private readonly artifacts: JobArtifactsService,
  ) {}

  @Get('outputs/:id')
  @ApiOperation({ summary: 'List what a job has made' })
  @Answers(200, OutputsSchema, 'The files, oldest first; more come while the job runs.')
  @Refuses({ 403: 'The job belongs to another user.', 404: 'Unknown job.' })
  async list(@Caller() caller: Principal, @Param('id') id: string): Promise<Outputs> {
    const job = await this.jobs.getOwn(caller, id);
    return fromArtifacts(job, (await this.artifacts.list(caller, id, undefined)).data);
  }

  @Get('outputs/:id/:name')
  @ApiOperation({ summary: 'Download a file; ranges are supported' })
  @AnswersFile('application/octet-stream', 'image/png', 'image/svg+xml')
  @Refuses({ 403: 'The job belongs to another user.', 404: 'Unknown job or file.', 416: 'The range lies outside.' })
  async download(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Param('name') name: string,
    @Headers() headers: Record<string, string | undefined>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.jobs.getOwn(caller, id);
    const stored = await this.artifacts.find(caller, id, name);
    sendDownload(reply, headers, { ...stored.artifact, open: (range) => this.artifacts.read(stored, range) });
  }

  @Get('configs/:file')
  @ApiOperation({ summary: 'Read what a job was submitted with, defaults filled in' })
  @ApiParam({ name: 'file', description: '`{job_id}.json`' })
  @Answers(200, TrainingConfigSchema, 'The configuration.')
  @Refuses({ 403: 'The job belongs to another user.', 404: 'Unknown job.' })
  async config(@Caller() caller: Principal, @Param('file') file: string): Promise<TrainingConfig> {
    const job = await this.jobs.getOwn(caller, toJobId(file));
    return fromSpec(job, await this.jobs.getSpec(caller, job.id));
  }
}
