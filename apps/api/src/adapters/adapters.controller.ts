import { Body, Controller, Delete, Get, Headers, Param, Patch, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type Adapter,
  AdapterPageSchema,
  AdapterSchema,
  type DeletedAdapter,
  DeletedAdapterSchema,
  type GetArtifactQuery,
  GetArtifactQuerySchema,
  type ListAdaptersQuery,
  ListAdaptersQuerySchema,
  type Page,
  type UpdateAdapter,
  UpdateAdapterSchema,
} from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { Caller, type Principal } from '../auth/principal.js';
import { sendDownload, sendRedirect } from '../http/download.js';
import { Answers, AnswersFile, AnswersLink, Refuses } from '../http/openapi.js';
import { PAGE_HEADERS, sendPageHeaders } from '../http/page-headers.js';
import { AdaptersService } from './adapters.service.js';

@ApiTags('Adapters')
@Controller('adapters')
export class AdaptersController {
  constructor(private readonly adapters: AdaptersService) {}

  @Get()
  @ApiOperation({ summary: 'List finished LoRAs, newest first' })
  @Answers(200, AdapterPageSchema, 'One page.', PAGE_HEADERS)
  @Refuses({ 400: 'A parameter is wrong.' })
  async list(
    @Caller() caller: Principal,
    @Query({ schema: ListAdaptersQuerySchema }) query: ListAdaptersQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Page<Adapter>> {
    return sendPageHeaders(reply, await this.adapters.list(caller, query));
  }

  @Get(':name')
  @ApiOperation({ summary: 'Get an adapter' })
  @Answers(200, AdapterSchema, 'The adapter.')
  @Refuses({ 404: 'Unknown adapter.' })
  get(@Caller() caller: Principal, @Param('name') name: string): Promise<Adapter> {
    return this.adapters.get(caller, name);
  }

  @Patch(':name')
  @ApiOperation({ summary: 'Describe an adapter' })
  @Answers(200, AdapterSchema, 'The adapter after the change.')
  @Refuses({ 400: 'A field is wrong.', 404: 'Unknown adapter.' })
  update(
    @Caller() caller: Principal,
    @Param('name') name: string,
    @Body({ schema: UpdateAdapterSchema }) input: UpdateAdapter,
  ): Promise<Adapter> {
    return this.adapters.update(caller, name, input);
  }

  @Delete(':name')
  @ApiOperation({ summary: 'Delete an adapter that is not loaded, with its files' })
  @Answers(200, DeletedAdapterSchema, 'It is gone. Checkpoints, samples and the log of its job stay.')
  @Refuses({ 404: 'Unknown adapter.', 409: 'It is loaded, or somebody is at work on it.' })
  delete(@Caller() caller: Principal, @Param('name') name: string): Promise<DeletedAdapter> {
    return this.adapters.delete(caller, name);
  }

  @Get(':name/download')
  @ApiOperation({ summary: 'Download the weights; ranges are supported' })
  @AnswersFile('application/octet-stream')
  @AnswersLink()
  @Refuses({ 400: 'A parameter is wrong.', 404: 'Unknown adapter.', 416: 'The range lies outside the file.' })
  async download(
    @Caller() caller: Principal,
    @Param('name') name: string,
    @Query({ schema: GetArtifactQuerySchema }) { redirect }: GetArtifactQuery,
    @Headers() headers: Record<string, string | undefined>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (redirect) return sendRedirect(reply, await this.adapters.link(caller, name));
    const stored = await this.adapters.file(caller, name);
    sendDownload(reply, headers, { ...stored.artifact, open: (range) => this.adapters.read(stored, range) });
  }
}
