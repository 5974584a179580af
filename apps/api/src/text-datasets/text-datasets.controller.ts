import { Body, Controller, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { type CreateTextDataset, CreateTextDatasetSchema, type Dataset, DatasetSchema } from '@influencerai/shared';
import { Caller, type Principal } from '../auth/principal.js';
import { DatasetsService } from '../datasets/datasets.service.js';
import { Answers, Refuses } from '../http/openapi.js';
import { TakesTexts } from '../http/text-bodies.js';
import { CreationId } from '../idempotency/creation-id.js';
import { Idempotent } from '../idempotency/idempotent.js';
import { TextDatasetsService } from './text-datasets.service.js';

@ApiTags('Datasets')
@Controller('datasets/texts')
export class TextDatasetsController {
  constructor(private readonly texts: TextDatasetsService) {}

  @Post()
  @TakesTexts()
  @Idempotent(DatasetsService)
  @ApiOperation({ summary: 'Make a dataset of texts that the request holds' })
  @Answers(201, DatasetSchema, 'The dataset, inspected as every other is.')
  @Refuses({ 400: 'A field is wrong.', 429: 'Too many open uploads.', 507: 'No room left.' })
  create(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Body({ schema: CreateTextDatasetSchema }) input: CreateTextDataset,
  ): Promise<Dataset> {
    return this.texts.create(caller, id, input);
  }
}
