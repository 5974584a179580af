import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Usage, UsageSchema } from '@influencerai/shared';
import { Caller, type Principal } from '../auth/principal.js';
import { Answers } from '../http/openapi.js';
import { UsageService } from './usage.service.js';

@ApiTags('Usage')
@Controller('usage')
export class UsageController {
  constructor(private readonly usage: UsageService) {}

  @Get()
  @ApiOperation({ summary: 'See every limit of the tenant and how much of it is used' })
  @Answers(200, UsageSchema, 'Limits and use.')
  get(@Caller() caller: Principal): Promise<Usage> {
    return this.usage.get(caller);
  }
}
