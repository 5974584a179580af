import { Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { AdapterServingService } from '../../adapters/adapter-serving.service.js';
import { AdaptersService } from '../../adapters/adapters.service.js';
import { Caller, type Principal } from '../../auth/principal.js';
import { Speaks } from '../../http/face.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { QLORA } from './qlora.face.js';
import { fromAdapter, fromAdapters, fromChange } from './qlora.mapper.js';
import {
  type AdapterInfo,
  AdapterInfoSchema,
  type AdapterList,
  AdapterListSchema,
  type ChangedAdapter,
  DeletedAdapterSchema,
  LoadedAdapterSchema,
  UnloadedAdapterSchema,
} from './qlora.schema.js';

/** Its clients know no pages. */
const ALL = { take: 1000, skip: 0, sortBy: 'createdAt', sortOrder: 'desc' } as const;

@Speaks(QLORA)
@ApiTags('Adapters')
@Controller('adapters')
export class QloraAdaptersController {
  constructor(
    private readonly adapters: AdaptersService,
    private readonly serving: AdapterServingService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List trained adapters, newest first' })
  @Answers(200, AdapterListSchema, 'The adapters, and which of them is the current one.')
  async list(@Caller() caller: Principal): Promise<AdapterList> {
    return fromAdapters(await this.adapters.list(caller, ALL), await this.serving.current(caller));
  }

  @Post('unload')
  @HttpCode(200)
  @ApiOperation({ summary: 'Unload the current adapter' })
  @Answers(200, UnloadedAdapterSchema, 'It is unloaded.')
  @Refuses({ 400: 'No adapter is loaded, or its runtime does not let go of it.' })
  async unload(@Caller() caller: Principal): Promise<ChangedAdapter<'unloaded'>> {
    return fromChange((await this.serving.unloadCurrent(caller)).name, 'unloaded');
  }

  @Get(':name')
  @ApiOperation({ summary: 'Get what is known about an adapter' })
  @Answers(200, AdapterInfoSchema, 'The adapter.')
  @Refuses({ 404: 'Unknown adapter.' })
  async get(@Caller() caller: Principal, @Param('name') name: string): Promise<AdapterInfo> {
    return fromAdapter(await this.adapters.get(caller, name));
  }

  @Post(':name/load')
  @HttpCode(200)
  @ApiOperation({ summary: 'Load an adapter in place of the current one, to generate with it' })
  @Answers(200, LoadedAdapterSchema, 'It is loaded and the current one; the one before is unloaded.')
  @Refuses({ 400: 'No runtime serves its model, or the runtime does not take it.', 404: 'Unknown adapter.' })
  async load(@Caller() caller: Principal, @Param('name') name: string): Promise<ChangedAdapter<'loaded'>> {
    return fromChange((await this.serving.loadInPlace(caller, name)).name, 'loaded');
  }

  @Delete(':name')
  @ApiOperation({ summary: 'Delete an adapter with its files' })
  @Answers(200, DeletedAdapterSchema, 'It is gone.')
  @Refuses({ 400: 'It is loaded.', 404: 'Unknown adapter.' })
  async delete(@Caller() caller: Principal, @Param('name') name: string): Promise<ChangedAdapter<'deleted'>> {
    await this.adapters.delete(caller, name);
    return fromChange(name, 'deleted');
  }
}
