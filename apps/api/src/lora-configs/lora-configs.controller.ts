import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type CreateLoraConfig,
  CreateLoraConfigSchema,
  type DeletedLoraConfig,
  DeletedLoraConfigSchema,
  type ListLoraConfigsQuery,
  ListLoraConfigsQuerySchema,
  type LoraConfig,
  LoraConfigPageSchema,
  LoraConfigSchema,
  type Page,
  type UpdateLoraConfig,
  UpdateLoraConfigSchema,
} from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { Answers, Refuses } from '../http/openapi.js';
import { PAGE_HEADERS, sendPageHeaders } from '../http/page-headers.js';
import { CreationId } from '../idempotency/creation-id.js';
import { Idempotent } from '../idempotency/idempotent.js';
import { Caller, type Principal } from '../auth/principal.js';
import { LoraConfigsService } from './lora-configs.service.js';

@ApiTags('LoRA configs')
@Controller('lora-configs')
export class LoraConfigsController {
  constructor(private readonly configs: LoraConfigsService) {}

  @Post()
  @Idempotent(LoraConfigsService)
  @ApiOperation({ summary: 'Create a training configuration' })
  @Answers(201, LoraConfigSchema, 'The configuration, defaults filled in.')
  @Refuses({ 400: 'A field is wrong.', 409: 'The name is taken.' })
  create(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Body({ schema: CreateLoraConfigSchema }) input: CreateLoraConfig,
  ): Promise<LoraConfig> {
    return this.configs.create(caller, { ...input, id });
  }

  @Get()
  @ApiOperation({ summary: 'List configurations, newest first' })
  @Answers(200, LoraConfigPageSchema, 'One page.', PAGE_HEADERS)
  @Refuses({ 400: 'A parameter is wrong.' })
  async list(
    @Caller() caller: Principal,
    @Query({ schema: ListLoraConfigsQuerySchema }) query: ListLoraConfigsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Page<LoraConfig>> {
    return sendPageHeaders(reply, await this.configs.list(caller, query));
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get a configuration' })
  @Answers(200, LoraConfigSchema, 'The configuration.')
  @Refuses({ 404: 'Unknown configuration.' })
  get(@Caller() caller: Principal, @Param('id') id: string): Promise<LoraConfig> {
    return this.configs.get(caller, id);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change fields of a configuration; jobs keep the values they were submitted with' })
  @Answers(200, LoraConfigSchema, 'The configuration after the change.')
  @Refuses({ 400: 'A field is wrong.', 404: 'Unknown configuration.', 409: 'The name is taken.' })
  update(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body({ schema: UpdateLoraConfigSchema }) input: UpdateLoraConfig,
  ): Promise<LoraConfig> {
    return this.configs.update(caller, id, input);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a configuration that no active job uses' })
  @Answers(200, DeletedLoraConfigSchema, 'It is gone; `warnings` says when it was the default.')
  @Refuses({ 400: 'Active jobs use it.', 404: 'Unknown configuration.' })
  delete(@Caller() caller: Principal, @Param('id') id: string): Promise<DeletedLoraConfig> {
    return this.configs.delete(caller, id);
  }
}
