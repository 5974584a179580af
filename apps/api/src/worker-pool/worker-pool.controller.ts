import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type ControlWorkerPool,
  ControlWorkerPoolSchema,
  type ReportWorkerPool,
  ReportWorkerPoolSchema,
  type WorkerPool,
  type WorkerPoolOrder,
  WorkerPoolOrderSchema,
  WorkerPoolSchema,
} from '@influencerai/shared';
import { ForOperators } from '../auth/access.js';
import { Answers, Refuses } from '../http/openapi.js';
import { WorkerPoolService } from './worker-pool.service.js';

@ApiTags('Workers')
@Controller('fleet/pool')
export class WorkerPoolController {
  constructor(private readonly pool: WorkerPoolService) {}

  @Get()
  @ForOperators('admin')
  @ApiOperation({ summary: 'See the workers that a supervisor runs' })
  @Answers(200, WorkerPoolSchema, 'The pool.')
  get(): Promise<WorkerPool> {
    return this.pool.get();
  }

  @Post()
  @ForOperators('admin')
  @HttpCode(200)
  @ApiOperation({ summary: 'Start, stop or replace workers; those that end hand their jobs back' })
  @Answers(200, WorkerPoolSchema, 'The pool, once the supervisor has begun.')
  @Refuses({ 400: 'A field is wrong.', 409: 'Somebody else runs the workers.' })
  control(@Body({ schema: ControlWorkerPoolSchema }) input: ControlWorkerPool): Promise<WorkerPool> {
    return this.pool.control(input);
  }

  @Post('reports')
  @ForOperators('worker')
  @HttpCode(200)
  @ApiOperation({ summary: 'Report what runs, and hear what should (what a supervisor does)' })
  @Answers(200, WorkerPoolOrderSchema, 'What there should be.')
  @Refuses({ 400: 'A field is wrong.' })
  report(@Body({ schema: ReportWorkerPoolSchema }) input: ReportWorkerPool): Promise<WorkerPoolOrder> {
    return this.pool.report(input);
  }
}
