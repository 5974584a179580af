import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { fieldError, type QueryJob } from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { Needs } from '../../auth/access.js';
import { Caller, type Principal } from '../../auth/principal.js';
import { DatasetsService } from '../../datasets/datasets.service.js';
import { clientGone } from '../../http/client-gone.js';
import { Speaks } from '../../http/face.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { CreationId } from '../../idempotency/creation-id.js';
import { patienceOf } from '../../http/wait-for.js';
import { Idempotent } from '../../idempotency/idempotent.js';
import { type JobRecord, JobsService, type SubmitRules } from '../../jobs/jobs.service.js';
import { NumbersService } from '../../numbers/numbers.service.js';
import { RetrievalService } from '../../retrieval/retrieval.service.js';
import { TrainingDefaultsService } from '../../training-defaults/training-defaults.service.js';
import { WorkerAutoStartService } from '../../worker-pool/worker-auto-start.service.js';
import { assertCancellable, fromAnswer, fromJob, fromJobStatus, toCreateJob } from './manager-jobs.mapper.js';
import {
  type CreateManagerJob,
  CreateManagerJobSchema,
  JobPageSchema,
  type ListManagerJobsQuery,
  ListManagerJobsQuerySchema,
  type ManagerJob,
  ManagerJobSchema,
  type ManagerJobStatus,
  ManagerJobStatusSchema,
  type ManagerQueryAnswer,
  ManagerQueryAnswerSchema,
  ManagerQuerySchema,
} from './manager-jobs.schema.js';
import { MANAGER } from './manager.face.js';
import { fromPage, toPage } from './manager.mapper.js';
import { ManagerJobs } from './manager.readers.js';
import { NumberSchema, type PageOf } from './manager.schema.js';

/** A job that could only fail is refused at once, as a project's start is. */
const RULES: SubmitRules = { isModelChecked: true };
const NO_INTEGER = 'The id is no integer.';

@Speaks(MANAGER)
@ApiTags('Training jobs')
@Controller('jobs')
export class ManagerJobsController {
  constructor(
    private readonly numbers: NumbersService,
    private readonly defaults: TrainingDefaultsService,
    private readonly datasets: DatasetsService,
    private readonly jobs: JobsService,
    private readonly retrieval: RetrievalService,
    private readonly autoStart: WorkerAutoStartService,
  ) {}

  @Post()
  @Idempotent(ManagerJobs)
  @ApiOperation({ summary: 'Create a training job' })
  @Answers(201, ManagerJobSchema, 'The job: `pending` when the tenant has room, else `queued`.')
  @Refuses({ 400: 'The dataset, the model or a parameter cannot be used.', 422: 'A field is wrong.' })
  async create(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Body({ schema: CreateManagerJobSchema }) body: CreateManagerJob,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ManagerJob> {
    const { dataset_id } = body;
    const datasetId = (await this.numbers.findIds(caller, 'dataset', [dataset_id])).get(dataset_id);
    if (datasetId === undefined) throw fieldError(['dataset_id'], `There is no dataset ${dataset_id}.`);
    await this.datasets.untilReady(caller, datasetId, patienceOf(reply));
    const input = toCreateJob(body, datasetId, await this.defaults.get(caller));
    const job = await this.jobs.create(caller, { ...input, id }, RULES);
    await this.autoStart.startFor(caller);
    // As it was submitted: by now a worker may have it.
    return fromJob({ ...(await this.jobs.getRecord(caller, id)), job });
  }

  @Get()
  @ApiOperation({ summary: 'List training jobs, newest first' })
  @Answers(200, JobPageSchema, 'One page.')
  @Refuses({ 422: 'A parameter is wrong.' })
  async list(
    @Caller() caller: Principal,
    @Query({ schema: ListManagerJobsQuerySchema }) query: ListManagerJobsQuery,
  ): Promise<PageOf<ManagerJob>> {
    const wanted = { ...toPage(query), status: query.status, isStopCancel: true };
    return fromPage(await this.jobs.listRecords(caller, wanted), fromJob);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get a training job' })
  @Answers(200, ManagerJobSchema, 'The job.')
  @Refuses({ 404: 'Unknown job.', 422: NO_INTEGER })
  async get(@Caller() caller: Principal, @Param('id', { schema: NumberSchema }) number: number): Promise<ManagerJob> {
    return fromJob(await this.recordOf(caller, number));
  }

  @Get(':id/status')
  @ApiOperation({ summary: 'Get how far a training job is' })
  @Answers(200, ManagerJobStatusSchema, 'The status.')
  @Refuses({ 404: 'Unknown job.', 422: NO_INTEGER })
  async status(
    @Caller() caller: Principal,
    @Param('id', { schema: NumberSchema }) number: number,
  ): Promise<ManagerJobStatus> {
    return fromJobStatus(await this.recordOf(caller, number));
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @ApiOperation({ summary: 'Cancel a training job; one that runs saves a checkpoint and stops' })
  @Answers(200, ManagerJobSchema, 'The job, `cancelled`.')
  @Refuses({ 400: 'The job is over, or cancelled.', 404: 'Unknown job.', 422: NO_INTEGER })
  async cancel(
    @Caller() caller: Principal,
    @Param('id', { schema: NumberSchema }) number: number,
  ): Promise<ManagerJob> {
    const record = await this.recordOf(caller, number);
    assertCancellable(record);
    await this.jobs.cancel(caller, record.job.id);
    return fromJob(await this.jobs.getRecord(caller, record.job.id));
  }

  @Post(':id/query')
  @HttpCode(200)
  @Needs('read')
  @ApiOperation({ summary: 'Search the index that a job of the type rag has made; an addition to the contract' })
  @Answers(200, ManagerQueryAnswerSchema, 'The passages that fit best.')
  @Refuses({ 400: 'The job is not completed, or has no index.', 404: 'Unknown job.', 422: 'A field is wrong.' })
  async query(
    @Caller() caller: Principal,
    @Param('id', { schema: NumberSchema }) number: number,
    @Body({ schema: ManagerQuerySchema }) body: QueryJob,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ManagerQueryAnswer> {
    const id = await this.numbers.idOf(caller, 'job', number);
    return fromAnswer(await this.retrieval.query(caller, id, body, clientGone(reply)));
  }

  private async recordOf(caller: Principal, number: number): Promise<JobRecord> {
    return this.jobs.getRecord(caller, await this.numbers.idOf(caller, 'job', number));
  }
}
