import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { type ModelList, ModelListSchema } from '@influencerai/shared';
import { Answers } from '../http/openapi.js';
import { fromModel } from './base-model.mapper.js';
import { BaseModelsService } from './base-models.service.js';

@ApiTags('Models')
@Controller('models')
export class BaseModelsController {
  constructor(private readonly models: BaseModelsService) {}

  @Get()
  @ApiOperation({ summary: 'List the base models that are there to be trained' })
  @Answers(200, ModelListSchema, 'Each name once.')
  async list(): Promise<ModelList> {
    return { data: (await this.models.list()).map(fromModel) };
  }
}
