import type { Readable } from 'node:stream';
import { Controller, Get, Headers, Param, Put, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  AppError,
  ArtifactNameSchema,
  type GetArtifactQuery,
  GetArtifactQuerySchema,
  type JobArtifact,
  JobArtifactListSchema,
  JobArtifactSchema,
  type ListArtifactsQuery,
  ListArtifactsQuerySchema,
  type PutArtifactQuery,
  PutArtifactQuerySchema,
} from '@influencerai/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AlsoForHolder } from '../auth/access.js';
import { Caller, type Principal } from '../auth/principal.js';
import { sendDownload, sendRedirect } from '../http/download.js';
import { Answers, AnswersFile, AnswersLink, Refuses } from '../http/openapi.js';
import { JobArtifactsService } from './job-artifacts.service.js';
import { ArtifactLinksService } from './links/artifact-links.service.js';

@ApiTags('Jobs')
@Controller('jobs/:id/artifacts')
export class JobArtifactsController {
  constructor(
    private readonly artifacts: JobArtifactsService,
    private readonly links: ArtifactLinksService,
  ) {}

  @Get()
  @AlsoForHolder()
  @ApiOperation({ summary: 'List weights, checkpoints, samples and the loss curve' })
  @Answers(200, JobArtifactListSchema, 'Files in the order in which they were made.')
  @Refuses({ 400: 'A parameter is wrong.', 404: 'Unknown job.' })
  list(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Query({ schema: ListArtifactsQuerySchema }) { kind }: ListArtifactsQuery,
  ) {
    return this.artifacts.list(caller, id, kind);
  }

  @Put(':name')
  @AlsoForHolder()
  @ApiOperation({ summary: 'Store a file of the running attempt (what workers do)' })
  @ApiConsumes('application/octet-stream')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @Answers(200, JobArtifactSchema, 'The file as it is listed.')
  @Refuses({
    400: 'A parameter is wrong.',
    404: 'Unknown job.',
    409: 'The attempt is over.',
    413: 'Larger than a file may be.',
    429: 'No worker holds the job, and the quota has no room.',
    415: 'Not application/octet-stream.',
  })
  put(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Param('name', { schema: ArtifactNameSchema }) name: string,
    @Query({ schema: PutArtifactQuerySchema }) query: PutArtifactQuery,
    @Req() request: FastifyRequest,
  ): Promise<JobArtifact> {
    return this.artifacts.put(caller, id, name, query, streamOf(request));
  }

  @Get(':name')
  @AlsoForHolder()
  @ApiOperation({ summary: 'Download a file; ranges are supported' })
  @AnswersFile('application/octet-stream', 'image/png', 'image/svg+xml')
  @AnswersLink()
  @Refuses({ 400: 'A parameter is wrong.', 404: 'Unknown job or file.', 416: 'The range lies outside the file.' })
  async download(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Param('name') name: string,
    @Query({ schema: GetArtifactQuerySchema }) { redirect }: GetArtifactQuery,
    @Headers() headers: Record<string, string | undefined>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (redirect) return sendRedirect(reply, await this.links.create(caller, id, name));
    const stored = await this.artifacts.find(caller, id, name);
    sendDownload(reply, headers, { ...stored.artifact, open: (range) => this.artifacts.read(stored, range) });
  }
}

function streamOf(request: FastifyRequest): Readable {
  const body = request.body as Readable | null | undefined;
  if (typeof body?.pipe === 'function') return body;
  const contentType = request.headers['content-type'] ?? 'none';
  throw new AppError('media_type_unsupported', { contentType, expected: 'application/octet-stream' });
}
