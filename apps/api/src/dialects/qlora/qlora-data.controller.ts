import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Caller, type Principal } from '../../auth/principal.js';
import { Speaks } from '../../http/face.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { TakesTexts } from '../../http/text-bodies.js';
import { CreationId } from '../../idempotency/creation-id.js';
import { Idempotent } from '../../idempotency/idempotent.js';
import { TextDatasetsService } from '../../text-datasets/text-datasets.service.js';
import { QLORA } from './qlora.face.js';
import { fromDataset, toTexts } from './qlora.mapper.js';
import { UploadedTextDatasets } from './qlora.readers.js';
import { type UploadedTexts, UploadedTextsSchema, type UploadRequest, UploadRequestSchema } from './qlora.schema.js';

@Speaks(QLORA)
@ApiTags('Training')
@Controller('training/data/upload')
export class QloraDataController {
  constructor(private readonly texts: TextDatasetsService) {}

  @Post()
  @TakesTexts()
  @HttpCode(200)
  @Idempotent(UploadedTextDatasets)
  @ApiOperation({ summary: 'Upload and check training texts' })
  @Answers(200, UploadedTextsSchema, 'The dataset; a job trains on it by its name.')
  @Refuses({ 400: 'A field is wrong.', 429: 'Too many open uploads, or no room in the quota.', 507: 'No room left.' })
  async upload(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Body({ schema: UploadRequestSchema }) body: UploadRequest,
  ): Promise<UploadedTexts> {
    return fromDataset(await this.texts.create(caller, id, toTexts(body, id)));
  }
}
