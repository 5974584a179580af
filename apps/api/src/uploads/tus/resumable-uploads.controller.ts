import { Readable } from 'node:stream';
import { Controller, Delete, Head, HttpCode, Options, Param, Patch, Post, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { type Dataset, DatasetSchema } from '@influencerai/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../../auth/access.js';
import { Caller, type Principal } from '../../auth/principal.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { UploadsService } from '../uploads.service.js';
import { TUS_VERSION, tusAbilities } from './tus-abilities.js';
import { ResumableUploadsService, type TusRequest } from './resumable-uploads.service.js';

const text = { type: 'string' };
const size = { type: 'integer', minimum: 0 };
const header = (description: string, schema: object = size) => ({ description, schema }) as never;

const TusVersion = () =>
  ApiHeader({ name: 'Tus-Resumable', required: true, schema: { type: 'string', enum: [TUS_VERSION] } });

const NOT_TUS = 'The header `Tus-Resumable: 1.0.0` is missing.';

/** The tus protocol: its answers are headers. */
@ApiTags('Uploads')
@Controller('uploads')
export class ResumableUploadsController {
  constructor(
    private readonly resumable: ResumableUploadsService,
    private readonly uploads: UploadsService,
  ) {}

  // Browser rules would answer in its place.
  @RouteConfig({ cors: { preflightContinue: true } })
  @Options()
  @Public()
  @ApiOperation({ summary: 'Say which parts of the tus protocol are spoken' })
  @ApiResponse({
    status: 204,
    description: 'The protocol’s version, its extensions and the size limit.',
    headers: {
      'Tus-Version': header('1.0.0', text),
      'Tus-Extension': header('Names', text),
      'Tus-Max-Size': header('Bytes'),
    },
  })
  describe(@Res() reply: FastifyReply): void {
    void reply.status(204).headers(tusAbilities(this.uploads.limits)).send();
  }

  @Post()
  @ApiOperation({ summary: 'Begin a resumable upload (tus)' })
  @TusVersion()
  @ApiHeader({ name: 'Upload-Length', required: true, description: 'Size of the file in bytes.', schema: size })
  @ApiHeader({
    name: 'Upload-Metadata',
    required: true,
    description: '`filename`, `kind`, and optionally `name` and `meta` (JSON), each value in base64.',
    schema: text,
  })
  @ApiResponse({
    status: 201,
    description: 'It may be sent.',
    headers: { Location: header('Where to send it.', text), 'Upload-Expires': header('When it is forgotten.', text) },
  })
  @Refuses({
    400: 'A header or a field of the metadata is wrong.',
    412: NOT_TUS,
    413: 'More than an upload may have.',
    429: 'Too many open uploads, or no room in the quota.',
    507: 'No room left.',
  })
  create(@Caller() caller: Principal, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer(caller, reply, { method: 'POST', id: '', ...partsOf(request) });
  }

  @Head(':id')
  @ApiOperation({ summary: 'Ask how much of an upload has arrived (tus)' })
  @TusVersion()
  @ApiResponse({
    status: 200,
    description: 'Where to go on.',
    headers: { 'Upload-Offset': header('Bytes that have arrived.'), 'Upload-Length': header('Bytes in all.') },
  })
  @Refuses({ 404: 'Unknown upload.', 412: NOT_TUS, 423: 'Another request works on it.' })
  find(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Req() { headers }: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.answer(caller, reply, { method: 'HEAD', id, headers, body: undefined });
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Send more of an upload (tus)' })
  @TusVersion()
  @ApiHeader({ name: 'Upload-Offset', required: true, description: 'Bytes that were sent before.', schema: size })
  @ApiConsumes('application/offset+octet-stream')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiResponse({
    status: 204,
    description: 'Stored.',
    headers: {
      'Upload-Offset': header('Bytes that have arrived.'),
      'Upload-Expires': header('When it is forgotten.', text),
    },
  })
  @Refuses({
    400: 'A header is wrong.',
    404: 'Unknown upload.',
    409: 'Another number of bytes has arrived; ask with HEAD.',
    412: NOT_TUS,
    413: 'More than was announced.',
    415: 'Not application/offset+octet-stream.',
    423: 'Another request works on it.',
    507: 'No room left; what has arrived stays.',
  })
  append(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.answer(caller, reply, { method: 'PATCH', id, ...partsOf(request) });
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Give an upload up (tus)' })
  @ApiResponse({ status: 204, description: 'It is gone.' })
  @Refuses({ 404: 'Unknown upload.', 423: 'Another request works on it.' })
  remove(@Caller() caller: Principal, @Param('id') id: string): Promise<void> {
    return this.resumable.remove(caller, id);
  }

  @Post(':id/dataset')
  @ApiOperation({ summary: 'Make a dataset of a complete upload; repeated, it answers with that dataset' })
  @Answers(201, DatasetSchema, 'The dataset, which has the id of the upload; a large one is `processing` first.')
  @Refuses({
    400: 'The file is refused, or the archive cannot be unpacked; the upload is gone.',
    404: 'Unknown upload.',
    409: 'Not all of it has arrived.',
    413: 'Unpacked, it is more than an upload may have; the upload is gone.',
    423: 'Another request works on it.',
    429: 'No room in the quota.',
    507: 'No room left.',
  })
  finish(@Caller() caller: Principal, @Param('id') id: string): Promise<Dataset> {
    return this.uploads.finish(caller, id);
  }

  private async answer(caller: Principal, reply: FastifyReply, request: TusRequest): Promise<void> {
    const { status, headers } = await this.resumable.handle(caller, request);
    void reply
      .status(status)
      .headers({ 'tus-resumable': TUS_VERSION, ...headers })
      .send();
  }
}

/** A body of another type was read already, and is none of ours. */
const partsOf = ({ headers, body }: FastifyRequest) => ({ headers, body: body instanceof Readable ? body : undefined });
