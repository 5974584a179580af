import type { Readable } from 'node:stream';
import { Controller, Post, Req } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Dataset, DATASET_KINDS, DatasetSchema } from '@influencerai/shared';
import type { FastifyRequest } from 'fastify';
import { DatasetsService } from '../datasets/datasets.service.js';
import { readParts } from '../http/multipart.js';
import { Answers, Refuses } from '../http/openapi.js';
import { CreationId } from '../idempotency/creation-id.js';
import { Idempotent } from '../idempotency/idempotent.js';
import { Caller, type Principal } from '../auth/principal.js';
import { UploadsService } from './uploads.service.js';

const FORM = {
  type: 'object',
  required: ['kind', 'files'],
  properties: {
    kind: { type: 'string', enum: [...DATASET_KINDS], description: 'Best sent before the files.' },
    name: { type: 'string', minLength: 1, maxLength: 255, description: 'What to call it; kept as `meta.name`.' },
    meta: { type: 'string', contentMediaType: 'application/json', description: 'A JSON object.' },
    files: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', format: 'binary' },
      description:
        'Pictures (PNG, JPEG, WebP) with captions (.txt), or rows (.jsonl, .csv, .txt); or one .zip, .tar, .tar.gz or .tgz of them.',
    },
  },
};

@ApiTags('Datasets')
@Controller('datasets/upload')
export class DatasetUploadsController {
  constructor(private readonly uploads: UploadsService) {}

  @Post()
  @Idempotent(DatasetsService)
  @ApiOperation({ summary: 'Upload a dataset: files, or one archive of them' })
  @ApiConsumes('multipart/form-data')
  @ApiBody({ schema: FORM })
  @Answers(
    201,
    DatasetSchema,
    'The dataset: `ready` or `failed` with its problems; a large one is `processing` or `pending` first.',
  )
  @Refuses({
    400: 'A field or a file is wrong, or the archive cannot be unpacked; the answer names it. Nothing is kept.',
    413: 'More than an upload may have.',
    415: 'Not multipart/form-data.',
    429: 'Too many open uploads.',
    507: 'No room left.',
  })
  create(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Req() { headers, body }: FastifyRequest,
  ): Promise<Dataset> {
    const { maxBytes } = this.uploads.limits;
    return this.uploads.receive(caller, id, readParts({ headers, body: body as Readable, maxBytes }));
  }
}
