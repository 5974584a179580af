import { Body, Controller, Get, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type CreateDataset,
  CreateDatasetSchema,
  type Dataset,
  DatasetSchema,
  type DescribeDataset,
  DescribeDatasetSchema,
  type ListDatasetsQuery,
  ListDatasetsQuerySchema,
  type UpdateDatasetStatus,
  UpdateDatasetStatusSchema,
} from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { Answers, Refuses } from '../http/openapi.js';
import { CreationId } from '../idempotency/creation-id.js';
import { Idempotent } from '../idempotency/idempotent.js';
import { Caller, type Principal } from '../auth/principal.js';
import { DatasetsService } from './datasets.service.js';

@ApiTags('Datasets')
@Controller('datasets')
export class DatasetsController {
  constructor(private readonly datasets: DatasetsService) {}

  @Post()
  @Idempotent(DatasetsService)
  @ApiOperation({ summary: 'Register a dataset and open every file of it' })
  @Answers(
    201,
    DatasetSchema,
    'The dataset: `ready` or `failed` with its problems; a large one is `processing` or `pending` first.',
  )
  @Refuses({ 400: 'A field is wrong, or nothing is at the path.' })
  create(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Body({ schema: CreateDatasetSchema }) input: CreateDataset,
  ): Promise<Dataset> {
    return this.datasets.create(caller, { ...input, id });
  }

  @Get()
  @ApiOperation({ summary: 'List datasets, newest first' })
  @Answers(200, DatasetSchema.array(), 'One page.', { 'x-total-count': 'Number of all.' })
  @Refuses({ 400: 'A parameter is wrong.' })
  async list(
    @Caller() caller: Principal,
    @Query({ schema: ListDatasetsQuerySchema }) query: ListDatasetsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Dataset[]> {
    const { data, total } = await this.datasets.list(caller, query);
    void reply.header('x-total-count', total);
    return data;
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get a dataset with what was measured and what is wrong' })
  @Answers(200, DatasetSchema, 'The dataset.')
  @Refuses({ 404: 'Unknown dataset.' })
  get(@Caller() caller: Principal, @Param('id') id: string): Promise<Dataset> {
    return this.datasets.get(caller, id);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Rename a dataset, or say what it is' })
  @Answers(200, DatasetSchema, 'The dataset after the change.')
  @Refuses({ 400: 'A field is wrong.', 404: 'Unknown dataset.' })
  describe(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body({ schema: DescribeDatasetSchema }) input: DescribeDataset,
  ): Promise<Dataset> {
    return this.datasets.describe(caller, id, input);
  }

  @Patch(':id/status')
  @ApiOperation({ summary: 'Set the status of a dataset by hand' })
  @Answers(200, DatasetSchema, 'The dataset after the change.')
  @Refuses({ 400: 'Not a status.', 404: 'Unknown dataset.' })
  setStatus(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body({ schema: UpdateDatasetStatusSchema }) input: UpdateDatasetStatus,
  ): Promise<Dataset> {
    return this.datasets.setStatus(caller, id, input);
  }
}
