import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, type Principal } from '../../auth/principal.js';
import { DatasetsService } from '../../datasets/datasets.service.js';
import { Speaks } from '../../http/face.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { patienceOf } from '../../http/wait-for.js';
import { CreationId } from '../../idempotency/creation-id.js';
import { Idempotent } from '../../idempotency/idempotent.js';
import { JobsService, type SubmitRules } from '../../jobs/jobs.service.js';
import { Limited } from '../../limits/limited.js';
import type { RatePolicy } from '../../limits/rate-policy.js';
import { SUBMIT } from './submit.face.js';
import { fromJob, toCreateJob } from './submit.mapper.js';
import { SubmittedJobs } from './submit.readers.js';
import { type SubmitRequest, SubmitRequestSchema, type Submitted, SubmittedSchema } from './submit.schema.js';

const RULES: SubmitRules = { isDatasetOwn: true, jobsPerUser: 2 };
const TEN_A_MINUTE: RatePolicy = {
  name: 'submit',
  by: 'user',
  quantity: 10,
  windowMs: 60_000,
  whenAway: 'refuse',
};

@Speaks(SUBMIT)
@ApiTags('Training')
@Controller('training/submit')
export class SubmitController {
  constructor(
    private readonly jobs: JobsService,
    private readonly datasets: DatasetsService,
  ) {}

  @Post()
  @HttpCode(200)
  @Limited(TEN_A_MINUTE)
  @Idempotent(SubmittedJobs)
  @ApiOperation({ summary: 'Submit a training job' })
  @Answers(200, SubmittedSchema, 'The job: `running`, or `queued` while two of its user run.')
  @Refuses({
    400: 'A field is wrong, or the dataset cannot be used.',
    403: 'The dataset belongs to another user.',
    404: 'Unknown dataset.',
  })
  async submit(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Body({ schema: SubmitRequestSchema }) body: SubmitRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Submitted> {
    await this.datasets.untilReady(caller, body.dataset_id, patienceOf(reply));
    return fromJob(await this.jobs.create(caller, { ...toCreateJob(body), id }, RULES));
  }
}
