import type { Readable } from 'node:stream';
import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Caller, type Principal } from '../../auth/principal.js';
import { Speaks } from '../../http/face.js';
import { readParts } from '../../http/multipart.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { CreationId } from '../../idempotency/creation-id.js';
import { Idempotent } from '../../idempotency/idempotent.js';
import { UploadsService } from '../../uploads/uploads.service.js';
import { SUBMIT } from './submit.face.js';
import { fromDataset, toUpload } from './submit.mapper.js';
import { UploadedDatasets } from './submit.readers.js';
import { type Uploaded, UploadedSchema } from './submit.schema.js';

const FORM = {
  type: 'object',
  required: ['files'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 255, description: 'What to call it.' },
    files: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', format: 'binary' },
      description: 'Pictures with captions (.txt) beside them, or one archive of them; the field may have any name.',
    },
  },
};

@Speaks(SUBMIT)
@ApiTags('Datasets')
@Controller('datasets/upload')
export class SubmitDatasetsController {
  constructor(private readonly uploads: UploadsService) {}

  @Post()
  @HttpCode(200)
  @Idempotent(UploadedDatasets)
  @ApiOperation({ summary: 'Upload a dataset of pictures' })
  @ApiConsumes('multipart/form-data')
  @ApiBody({ schema: FORM })
  @Answers(200, UploadedSchema, 'The dataset; a large one is `processing` or `pending` first.')
  @Refuses({
    400: 'A field or a file is wrong. Nothing is kept.',
    413: 'More than an upload may have.',
    415: 'Not multipart/form-data.',
    507: 'No room left.',
  })
  async upload(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Req() { headers, body }: FastifyRequest,
  ): Promise<Uploaded> {
    const parts = readParts({ headers, body: body as Readable, maxBytes: this.uploads.limits.maxBytes });
    return fromDataset(await this.uploads.receive(caller, id, toUpload(parts)));
  }
}
