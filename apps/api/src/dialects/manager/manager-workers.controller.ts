import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { AppError } from '@influencerai/shared';
import { ForOperators } from '../../auth/access.js';
import { Caller, type Identity, Operator, type Principal } from '../../auth/principal.js';
import { FleetService } from '../../fleet/fleet.service.js';
import { Speaks } from '../../http/face.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { JobsService } from '../../jobs/jobs.service.js';
import { TrainingDefaultsService } from '../../training-defaults/training-defaults.service.js';
import { WorkerPoolService } from '../../worker-pool/worker-pool.service.js';
import { MANAGER } from './manager.face.js';
import { fromPool, toControl } from './manager-workers.mapper.js';
import {
  type WorkerControl,
  WorkerControlSchema,
  type WorkerPoolStatus,
  WorkerPoolStatusSchema,
} from './manager-workers.schema.js';

@Speaks(MANAGER)
@ApiTags('Workers')
@Controller('workers')
export class ManagerWorkersController {
  constructor(
    private readonly pool: WorkerPoolService,
    private readonly fleet: FleetService,
    private readonly jobs: JobsService,
    private readonly defaults: TrainingDefaultsService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Get the status of the worker pool' })
  @Answers(200, WorkerPoolStatusSchema, 'The pool.')
  async get(@Caller() caller: Principal): Promise<WorkerPoolStatus> {
    const { maxConcurrentWorkers: limit } = await this.defaults.get(caller);
    const pool = await this.pool.get();
    const workers = await this.fleet.activity(caller);
    return fromPool({ pool, workers, limit, jobsInQueue: await this.jobs.countWaiting(caller) });
  }

  @Post()
  @HttpCode(200)
  @ForOperators('admin')
  @ApiOperation({ summary: 'Start, stop or restart workers; those that end hand their jobs back' })
  @Answers(200, WorkerPoolStatusSchema, 'The pool, once that has begun.')
  @Refuses({ 400: 'A rule is broken.', 409: 'Somebody else runs the workers.', 422: 'A field is wrong.' })
  async control(
    @Operator() operator: Identity,
    @Body({ schema: WorkerControlSchema }) body: WorkerControl,
  ): Promise<WorkerPoolStatus> {
    const caller = onBehalf(operator);
    const { maxConcurrentWorkers } = await this.defaults.get(caller);
    await this.pool.control(toControl(body), maxConcurrentWorkers);
    return this.get(caller);
  }
}

/** The limit on workers is a tenant's, and an operator must say whose. @throws AppError `tenant_missing` */
function onBehalf(operator: Identity): Principal {
  const { tenantId } = operator;
  if (tenantId === undefined) throw new AppError('tenant_missing');
  return { ...operator, tenantId };
}
