import { Controller, Get, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import {
  type GetDatasetFileQuery,
  GetDatasetFileQuerySchema,
  type JobDataset,
  JobDatasetSchema,
} from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { AlsoForHolder } from '../auth/access.js';
import { Caller, type Principal } from '../auth/principal.js';
import { sendDownload } from '../http/download.js';
import { Answers, Refuses } from '../http/openapi.js';
import { contentTypeOf } from './content-type.js';
import { JobDatasetService } from './job-dataset.service.js';

@ApiTags('Jobs')
@Controller('jobs/:id/dataset')
export class JobDatasetController {
  constructor(private readonly dataset: JobDatasetService) {}

  @Get()
  @AlsoForHolder()
  @ApiOperation({ summary: 'List the files that the job learns from, with their hashes' })
  @Answers(200, JobDatasetSchema, 'The files as they are now. After large files changed, hashing them takes a while.')
  @Refuses({ 404: 'Unknown job.', 422: 'The files of the dataset are gone.' })
  list(@Caller() caller: Principal, @Param('id') id: string): Promise<JobDataset> {
    return this.dataset.list(caller, id);
  }

  @Get('files')
  @AlsoForHolder()
  @ApiOperation({ summary: 'Download a file that the job learns from; ranges are supported' })
  @ApiProduces('application/octet-stream', 'image/png', 'image/jpeg', 'image/webp', 'text/plain')
  @ApiResponse({ status: 200, description: 'The file. Its `ETag` is its sha256.' })
  @ApiResponse({ status: 206, description: 'The range asked for.' })
  @ApiResponse({ status: 304, description: 'Unchanged since the `ETag` in `If-None-Match`.' })
  @Refuses({
    400: 'Not a name that can be listed.',

    404: 'Unknown job or file.',
    416: 'The range lies outside the file.',
  })
  async download(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Query({ schema: GetDatasetFileQuerySchema }) { name }: GetDatasetFileQuery,
    @Headers() headers: Record<string, string | undefined>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const file = await this.dataset.get(caller, id, name);
    const open = (range?: { start: number; end: number }) => this.dataset.read(file, range);
    sendDownload(reply, headers, { ...file, contentType: contentTypeOf(name), open });
  }
}
