import { Body, Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type Adapter,
  AdapterSchema,
  type Generate,
  type Generated,
  GeneratedSchema,
  GenerateSchema,
  type LoadAdapter,
  LoadAdapterSchema,
} from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { Caller, type Principal } from '../auth/principal.js';
import { clientGone } from '../http/client-gone.js';
import { Answers, Refuses } from '../http/openapi.js';
import { AdapterServingService } from './adapter-serving.service.js';

@ApiTags('Adapters')
@Controller('adapters/:name')
export class AdapterServingController {
  constructor(private readonly serving: AdapterServingService) {}

  @Post('load')
  @HttpCode(200)
  @ApiOperation({ summary: 'Load an adapter into a server that answers with it' })
  @Answers(200, AdapterSchema, 'It is loaded; one that was stays as it is.')
  @Refuses({
    400: 'A field is wrong, or the runtime refused it.',
    404: 'Unknown adapter.',
    409: 'No runtime serves its base model, or another one has it.',
    502: 'The runtime does not answer.',
  })
  load(
    @Caller() caller: Principal,
    @Param('name') name: string,
    @Body({ schema: LoadAdapterSchema }) input: LoadAdapter,
  ): Promise<Adapter> {
    return this.serving.load(caller, name, input);
  }

  @Post('unload')
  @HttpCode(200)
  @ApiOperation({ summary: 'Unload an adapter' })
  @Answers(200, AdapterSchema, 'It is unloaded.')
  @Refuses({
    400: 'The runtime refused.',
    404: 'Unknown adapter.',
    409: 'It is not loaded.',
    502: 'The runtime does not answer.',
  })
  unload(@Caller() caller: Principal, @Param('name') name: string): Promise<Adapter> {
    return this.serving.unload(caller, name);
  }

  @Post('generate')
  @HttpCode(200)
  @ApiOperation({ summary: 'Write or draw with a loaded adapter, or with its base alone to compare' })
  @Answers(200, GeneratedSchema, 'A text or a picture.')
  @Refuses({
    400: 'A field is wrong.',
    404: 'Unknown adapter.',
    409: 'It is not loaded.',
    502: 'The runtime does not answer.',
  })
  generate(
    @Caller() caller: Principal,
    @Param('name') name: string,
    @Body({ schema: GenerateSchema }) input: Generate,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Generated> {
    return this.serving.generate(caller, name, input, clientGone(reply));
  }
}
