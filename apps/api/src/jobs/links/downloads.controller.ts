import { Controller, Get, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { BySignature } from '../../auth/access.js';
import { sendDownload } from '../../http/download.js';
import { AnswersFile, Refuses } from '../../http/openapi.js';
import { ArtifactLinksService } from './artifact-links.service.js';
import { readAddress } from './link-address.js';

/** Where the links of this service lead. */
@ApiTags('Jobs')
@Controller('downloads')
export class DownloadsController {
  constructor(private readonly links: ArtifactLinksService) {}

  @Get(':tenantId/:jobId/:name')
  @BySignature()
  @ApiOperation({ summary: 'Download a file by a link; ranges are supported' })
  @ApiParam({ name: 'tenantId', type: String })
  @ApiParam({ name: 'jobId', type: String })
  @ApiParam({ name: 'name', type: String })
  @ApiQuery({ name: 'sha256', required: false, type: String, description: 'The content that was signed.' })
  @ApiQuery({ name: 'expires', required: false, type: String, description: 'Seconds since 1970.' })
  @ApiQuery({ name: 'signature', required: false, type: String, description: 'Over all of it.' })
  @AnswersFile('application/octet-stream', 'image/png', 'image/svg+xml')
  @Refuses({
    403: 'The link was not made here, was changed, is over, or its file is gone or another.',
    416: 'The range lies outside the file.',
  })
  async download(
    @Param() place: Record<string, unknown>,
    @Query() query: Record<string, unknown>,
    @Headers() headers: Record<string, string | undefined>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const stored = await this.links.open(readAddress({ ...query, ...place }));
    const open = (range?: { start: number; end: number }) => this.links.read(stored, range);
    sendDownload(reply, headers, { ...stored.artifact, open, isAttachment: true });
  }
}
