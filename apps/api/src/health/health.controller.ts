import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/access.js';
import { Answers, Refuses } from '../http/openapi.js';
import { type Live, LiveSchema, type Ready, ReadySchema } from './health.schema.js';
import { HealthService } from './health.service.js';

/** For load balancers and operators; no tenant is asked for. */
@ApiTags('Health')
@Public()
@Controller('health')
export class HealthController {
  constructor(private readonly health: HealthService) {}

  @Get('live')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Whether the process runs' })
  @Answers(200, LiveSchema, 'It does.')
  live(): Live {
    return { status: 'ok' };
  }

  @Get('ready')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Whether database, queue and storage answer' })
  @Answers(200, ReadySchema, 'They do.')
  @Refuses({ 503: 'One does not; the message names it.' })
  ready(): Promise<Ready> {
    return this.health.ready();
  }

  @Get()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'The same as /health/ready' })
  @Answers(200, ReadySchema, 'They do.')
  @Refuses({ 503: 'One does not; the message names it.' })
  get(): Promise<Ready> {
    return this.health.ready();
  }
}
