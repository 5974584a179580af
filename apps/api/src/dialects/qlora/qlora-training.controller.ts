import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Caller, type Principal } from '../../auth/principal.js';
import { Speaks } from '../../http/face.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { TakesTexts } from '../../http/text-bodies.js';
import { CreationId } from '../../idempotency/creation-id.js';
import { Idempotent } from '../../idempotency/idempotent.js';
import { JobHistoryService } from '../../jobs/job-history.service.js';
import { JobsService, type SubmitRules } from '../../jobs/jobs.service.js';
import { TextDatasetsService } from '../../text-datasets/text-datasets.service.js';
import { QLORA } from './qlora.face.js';
import { fromJob, fromJobs, fromStarted, fromStopped, toCreateJob, toSource } from './qlora.mapper.js';
import { StartedJobs } from './qlora.readers.js';
import {
  type JobList,
  JobListSchema,
  type JobState,
  JobStateSchema,
  type Started,
  StartedSchema,
  type StartRequest,
  StartRequestSchema,
  type Stopped,
  StoppedSchema,
} from './qlora.schema.js';

const RULES: SubmitRules = { isModelChecked: true };
/** Its clients know no pages. */
const ALL = { kind: 'text', take: 1000, skip: 0 } as const;

@Speaks(QLORA)
@ApiTags('Training')
@Controller('training')
export class QloraTrainingController {
  constructor(
    private readonly jobs: JobsService,
    private readonly history: JobHistoryService,
    private readonly texts: TextDatasetsService,
  ) {}

  @Post('start')
  @TakesTexts()
  @HttpCode(200)
  @Idempotent(StartedJobs)
  @ApiOperation({ summary: 'Start a training job on texts' })
  @Answers(200, StartedSchema, 'The job; it runs as soon as there is room and a worker.')
  @Refuses({
    400: 'A field is wrong, or the model is not available.',
    404: 'No dataset of that name.',
    429: 'Too many jobs wait, or no room in the quota.',
    507: 'No room left.',
  })
  async start(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Body({ schema: StartRequestSchema }) body: StartRequest,
  ): Promise<Started> {
    return this.texts.use(caller, { id, source: toSource(body) }, async (dataset) =>
      fromStarted(await this.jobs.create(caller, { ...toCreateJob(body, dataset.id), id }, RULES)),
    );
  }

  @Get('status/:id')
  @ApiOperation({ summary: 'Get status and progress of a text job' })
  @Answers(200, JobStateSchema, 'The job.')
  @Refuses({ 404: 'Unknown job, or one that learns from pictures.' })
  async status(@Caller() caller: Principal, @Param('id') id: string): Promise<JobState> {
    const record = await this.jobs.getRecord(caller, id, 'text');
    return fromJob({ ...record, latest: (await this.history.latest(caller, [id])).get(id) });
  }

  @Get('jobs')
  @ApiOperation({ summary: 'List text jobs, newest first' })
  @Answers(200, JobListSchema, 'The jobs, also those that were submitted through other contracts.')
  async list(@Caller() caller: Principal): Promise<JobList> {
    const { data, total } = await this.jobs.listBriefs(caller, ALL);
    const points = await this.history.latest(
      caller,
      data.map(({ job }) => job.id),
    );
    return fromJobs(
      data.map((record) => ({ ...record, latest: points.get(record.job.id) })),
      total,
    );
  }

  @Post('stop/:id')
  @HttpCode(200)
  @ApiOperation({ summary: 'Cancel a text job; a running one saves a checkpoint and stops' })
  @Answers(200, StoppedSchema, 'It is cancelled, or its worker was told to stop.')
  @Refuses({ 400: 'The job is over.', 404: 'Unknown job, or one that learns from pictures.' })
  async stop(@Caller() caller: Principal, @Param('id') id: string): Promise<Stopped> {
    await this.jobs.getRecord(caller, id, 'text');
    return fromStopped(await this.jobs.cancel(caller, id));
  }
}
