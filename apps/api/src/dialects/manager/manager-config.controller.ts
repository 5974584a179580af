import { Body, Controller, Get, Patch } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { TrainingDefaults } from '@influencerai/shared';
import { Caller, type Principal } from '../../auth/principal.js';
import { FleetService } from '../../fleet/fleet.service.js';
import { Speaks } from '../../http/face.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { TrainingDefaultsService } from '../../training-defaults/training-defaults.service.js';
import { WorkerAutoStartService } from '../../worker-pool/worker-auto-start.service.js';
import { fromDefaults, toDefaults } from './manager-config.mapper.js';
import {
  type ManagerConfig,
  ManagerConfigSchema,
  type UpdateManagerConfig,
  UpdateManagerConfigSchema,
} from './manager-config.schema.js';
import { MANAGER } from './manager.face.js';

@Speaks(MANAGER)
@ApiTags('Configuration')
@Controller('config')
export class ManagerConfigController {
  constructor(
    private readonly defaults: TrainingDefaultsService,
    private readonly fleet: FleetService,
    private readonly autoStart: WorkerAutoStartService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Read what new jobs begin with' })
  @Answers(200, ManagerConfigSchema, 'The configuration.')
  async get(@Caller() caller: Principal): Promise<ManagerConfig> {
    return this.describe(caller, await this.defaults.get(caller));
  }

  @Patch()
  @ApiOperation({ summary: 'Change what new jobs begin with' })
  @Answers(200, ManagerConfigSchema, 'The configuration after the change. Jobs that there are keep their values.')
  @Refuses({ 400: 'A training type that is not served.', 422: 'A field is wrong.' })
  async update(
    @Caller() caller: Principal,
    @Body({ schema: UpdateManagerConfigSchema }) body: UpdateManagerConfig,
  ): Promise<ManagerConfig> {
    const defaults = await this.defaults.update(caller, toDefaults(body));
    await this.autoStart.startFor(caller);
    return this.describe(caller, defaults);
  }

  private async describe(caller: Principal, defaults: TrainingDefaults): Promise<ManagerConfig> {
    return fromDefaults(defaults, (await this.fleet.list(caller)).data);
  }
}
