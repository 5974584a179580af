import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type ApiKey,
  ApiKeyPageSchema,
  ApiKeySchema,
  type CreateApiKey,
  CreateApiKeySchema,
  type ListApiKeysQuery,
  ListApiKeysQuerySchema,
  type NewApiKey,
  NewApiKeySchema,
  type Page,
  type RotateApiKey,
  RotateApiKeySchema,
} from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { ForAdministrators } from '../auth/access.js';
import { type Identity, Operator } from '../auth/principal.js';
import { Answers, Refuses } from '../http/openapi.js';
import { PAGE_HEADERS, sendPageHeaders } from '../http/page-headers.js';
import { ApiKeysService } from './api-keys.service.js';

/** A tenant's administrators manage its keys; operators those of the tenant they name, or without one their own. */
@ApiTags('API keys')
@ForAdministrators()
@Controller('api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  @Post()
  @ApiOperation({ summary: 'Create an API key; it is shown this once' })
  @Answers(201, NewApiKeySchema, 'The key.')
  @Refuses({ 400: 'A field is wrong.', 404: 'Unknown user.' })
  create(@Operator() by: Identity, @Body({ schema: CreateApiKeySchema }) input: CreateApiKey): Promise<NewApiKey> {
    return this.keys.create(ownerOf(by), input);
  }

  @Get()
  @ApiOperation({ summary: 'List API keys, newest first' })
  @Answers(200, ApiKeyPageSchema, 'One page, without secrets.', PAGE_HEADERS)
  @Refuses({ 400: 'A parameter is wrong.' })
  async list(
    @Operator() by: Identity,
    @Query({ schema: ListApiKeysQuerySchema }) query: ListApiKeysQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Page<ApiKey>> {
    return sendPageHeaders(reply, await this.keys.list(ownerOf(by), query));
  }

  @Get(':keyId')
  @ApiOperation({ summary: 'Get an API key, without its secret' })
  @Answers(200, ApiKeySchema, 'The key.')
  @Refuses({ 404: 'Unknown key.' })
  get(@Operator() by: Identity, @Param('keyId') keyId: string): Promise<ApiKey> {
    return this.keys.get(ownerOf(by), keyId);
  }

  @Post(':keyId/rotate')
  @HttpCode(200)
  @ApiOperation({ summary: 'Replace the secret of a key; the old one goes on working for a while' })
  @Answers(200, NewApiKeySchema, 'The key with its new secret.')
  @Refuses({ 400: 'A field is wrong.', 404: 'Unknown key.', 409: 'The key is revoked or expired.' })
  rotate(
    @Operator() by: Identity,
    @Param('keyId') keyId: string,
    @Body({ schema: RotateApiKeySchema }) input: RotateApiKey,
  ): Promise<NewApiKey> {
    return this.keys.rotate(ownerOf(by), keyId, input);
  }

  @Delete(':keyId')
  @ApiOperation({ summary: 'Revoke a key for good' })
  @Answers(200, ApiKeySchema, 'The key as it is now.')
  @Refuses({ 404: 'Unknown key.' })
  revoke(@Operator() by: Identity, @Param('keyId') keyId: string): Promise<ApiKey> {
    return this.keys.revoke(ownerOf(by), keyId);
  }
}

const ownerOf = ({ tenantId }: Identity): string | null => tenantId ?? null;
