import { Body, Controller, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Dataset, DatasetSchema, type MixDatasets, MixDatasetsSchema } from '@influencerai/shared';
import { Caller, type Principal } from '../auth/principal.js';
import { DatasetsService } from '../datasets/datasets.service.js';
import { Answers, Refuses } from '../http/openapi.js';
import { CreationId } from '../idempotency/creation-id.js';
import { Idempotent } from '../idempotency/idempotent.js';
import { DatasetMixesService } from './dataset-mixes.service.js';

@ApiTags('Datasets')
@Controller('datasets/mix')
export class DatasetMixesController {
  constructor(private readonly mixes: DatasetMixesService) {}

  @Post()
  @Idempotent(DatasetsService)
  @ApiOperation({ summary: 'Mix text datasets by percentage into a new one' })
  @Answers(201, DatasetSchema, 'The new dataset; `meta.mix` says how many rows of each it has.')
  @Refuses({
    400: 'A field is wrong, or no row can be drawn.',
    404: 'Unknown dataset.',
    409: 'A dataset is not ready.',
    422: 'A dataset cannot be read any more.',
    429: 'Too many open uploads.',
    507: 'No room left.',
  })
  create(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Body({ schema: MixDatasetsSchema }) input: MixDatasets,
  ): Promise<Dataset> {
    return this.mixes.create(caller, id, input);
  }
}
