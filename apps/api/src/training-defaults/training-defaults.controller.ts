import { Body, Controller, Get, Patch } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type TrainingDefaults,
  TrainingDefaultsSchema,
  type UpdateTrainingDefaults,
  UpdateTrainingDefaultsSchema,
} from '@influencerai/shared';
import { Caller, type Principal } from '../auth/principal.js';
import { Answers, Refuses } from '../http/openapi.js';
import { TrainingDefaultsService } from './training-defaults.service.js';

@ApiTags('Training defaults')
@Controller('config')
export class TrainingDefaultsController {
  constructor(private readonly defaults: TrainingDefaultsService) {}

  @Get()
  @ApiOperation({ summary: "Read what the tenant's jobs begin with" })
  @Answers(200, TrainingDefaultsSchema, 'The values.')
  get(@Caller() caller: Principal): Promise<TrainingDefaults> {
    return this.defaults.get(caller);
  }

  @Patch()
  @ApiOperation({ summary: "Change what the tenant's next jobs begin with" })
  @Answers(200, TrainingDefaultsSchema, 'The values after the change. Jobs that were submitted keep theirs.')
  @Refuses({ 400: 'A field is wrong.' })
  update(
    @Caller() caller: Principal,
    @Body({ schema: UpdateTrainingDefaultsSchema }) change: UpdateTrainingDefaults,
  ): Promise<TrainingDefaults> {
    return this.defaults.update(caller, change);
  }
}
