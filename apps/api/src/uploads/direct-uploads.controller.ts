import { Body, Controller, Header, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type CreateDirectUpload,
  CreateDirectUploadSchema,
  type DirectUpload,
  DirectUploadSchema,
} from '@influencerai/shared';
import { Caller, type Principal } from '../auth/principal.js';
import { Answers, Refuses } from '../http/openapi.js';
import { DirectUploadsService } from './direct-uploads.service.js';

@ApiTags('Uploads')
@Controller('uploads/direct')
export class DirectUploadsController {
  constructor(private readonly uploads: DirectUploadsService) {}

  @Post()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Begin an upload that goes straight to the bucket' })
  @Answers(201, DirectUploadSchema, 'Where to PUT the file; then call `POST /uploads/:id/dataset`.')
  @Refuses({
    400: 'A field is wrong.',
    409: 'Files lie in no bucket here.',
    413: 'More than an upload may have.',
    429: 'Too many open uploads, or no room in the quota.',
  })
  create(
    @Caller() caller: Principal,
    @Body({ schema: CreateDirectUploadSchema }) input: CreateDirectUpload,
  ): Promise<DirectUpload> {
    return this.uploads.begin(caller, input);
  }
}
