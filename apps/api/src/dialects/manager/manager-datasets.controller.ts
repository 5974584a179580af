import type { Readable } from 'node:stream';
import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Caller, type Principal } from '../../auth/principal.js';
import { DatasetsService } from '../../datasets/datasets.service.js';
import { Speaks } from '../../http/face.js';
import { readParts } from '../../http/multipart.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { CreationId } from '../../idempotency/creation-id.js';
import { Idempotent } from '../../idempotency/idempotent.js';
import { NumbersService } from '../../numbers/numbers.service.js';
import { DatasetRemovalsService } from '../../uploads/dataset-removals.service.js';
import { UploadsService } from '../../uploads/uploads.service.js';
import { fromDataset, toDescription, toUpload } from './manager-datasets.mapper.js';
import {
  DatasetPageSchema,
  ListDatasetsQuerySchema,
  type ManagerDataset,
  ManagerDatasetSchema,
  type UpdateDataset,
  UpdateDatasetSchema,
} from './manager-datasets.schema.js';
import { MANAGER } from './manager.face.js';
import { fromPage, toPage } from './manager.mapper.js';
import { ManagerDatasets } from './manager.readers.js';
import { NumberSchema, type PageOf, type PageQuery } from './manager.schema.js';

const FORM = {
  type: 'object',
  required: ['file', 'name'],
  properties: {
    file: {
      type: 'string',
      format: 'binary',
      description: 'A .csv, .jsonl or .json file; JSON is an array of objects.',
    },
    name: { type: 'string', minLength: 1, maxLength: 255 },
    description: { type: 'string', maxLength: 2000 },
  },
};

@Speaks(MANAGER)
@ApiTags('Datasets')
@Controller('datasets')
export class ManagerDatasetsController {
  constructor(
    private readonly numbers: NumbersService,
    private readonly datasets: DatasetsService,
    private readonly uploads: UploadsService,
    private readonly removals: DatasetRemovalsService,
  ) {}

  @Post()
  @Idempotent(ManagerDatasets)
  @ApiOperation({ summary: 'Upload a dataset' })
  @ApiConsumes('multipart/form-data')
  @ApiBody({ schema: FORM })
  @Answers(201, ManagerDatasetSchema, 'The dataset, every row of it read.')
  @Refuses({
    400: 'The file is not what its name says, or a row of it is broken; the sentence names the line. Nothing is kept.',
    413: 'More than an upload may have.',
    422: 'A field is wrong, or the body is no form.',
    507: 'No room left.',
  })
  async create(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Req() { headers, body }: FastifyRequest,
  ): Promise<ManagerDataset> {
    const parts = readParts({ headers, body: body as Readable, maxBytes: this.uploads.limits.maxBytes });
    return fromDataset(await this.uploads.receive(caller, id, toUpload(parts)));
  }

  @Get()
  @ApiOperation({ summary: 'List datasets, newest first' })
  @Answers(200, DatasetPageSchema, 'One page.')
  @Refuses({ 422: 'A parameter is wrong.' })
  async list(
    @Caller() caller: Principal,
    @Query({ schema: ListDatasetsQuerySchema }) query: PageQuery,
  ): Promise<PageOf<ManagerDataset>> {
    const all = { ...toPage(query), sortBy: 'createdAt', sortOrder: 'desc' } as const;
    return fromPage(await this.datasets.list(caller, all), fromDataset);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get a dataset' })
  @Answers(200, ManagerDatasetSchema, 'The dataset.')
  @Refuses({ 404: 'Unknown dataset.', 422: 'The id is no integer.' })
  async get(
    @Caller() caller: Principal,
    @Param('id', { schema: NumberSchema }) number: number,
  ): Promise<ManagerDataset> {
    return fromDataset(await this.datasets.get(caller, await this.idOf(caller, number)));
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Rename a dataset, or describe it' })
  @Answers(200, ManagerDatasetSchema, 'The dataset after the change.')
  @Refuses({ 404: 'Unknown dataset.', 422: 'A field is wrong.' })
  async update(
    @Caller() caller: Principal,
    @Param('id', { schema: NumberSchema }) number: number,
    @Body({ schema: UpdateDatasetSchema }) body: UpdateDataset,
  ): Promise<ManagerDataset> {
    const id = await this.idOf(caller, number);
    return fromDataset(await this.datasets.describe(caller, id, toDescription(body)));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a dataset and its file' })
  @ApiResponse({ status: 204, description: 'It is gone.' })
  @Refuses({
    400: 'Active jobs use it, or a project that is just being started.',
    404: 'Unknown dataset.',
    422: 'The id is no integer.',
  })
  async delete(@Caller() caller: Principal, @Param('id', { schema: NumberSchema }) number: number): Promise<void> {
    await this.removals.delete(caller, await this.idOf(caller, number), { keptBy: 'starts' });
  }

  private idOf(caller: Principal, number: number): Promise<string> {
    return this.numbers.idOf(caller, 'dataset', number);
  }
}
