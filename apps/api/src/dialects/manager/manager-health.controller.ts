import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Public } from '../../auth/access.js';
import { CONFIG, type Config } from '../../env.js';
import { HealthService } from '../../health/health.service.js';
import { Speaks } from '../../http/face.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { MANAGER } from './manager.face.js';
import { type Health, HealthSchema } from './manager.schema.js';

@Speaks(MANAGER)
@ApiTags('Health')
@Public()
@Controller('health')
export class ManagerHealthController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly health: HealthService,
  ) {}

  @Get()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Whether the service can do its work' })
  @Answers(200, HealthSchema, 'It can.')
  @Refuses({ 503: 'It cannot; the sentence names what fails.' })
  async get(): Promise<Health> {
    await this.health.ready();
    return {
      status: 'healthy',
      version: '1.0.0',
      environment: this.config.isProduction ? 'production' : 'development',
    };
  }
}
