import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { type JobPreview, JobPreviewSchema, type PreviewJob, PreviewJobSchema } from '@influencerai/shared';
import { Answers, Refuses } from '../http/openapi.js';
import { Caller, type Principal } from '../auth/principal.js';
import { JobPreviewService } from './job-preview.service.js';

@ApiTags('Jobs')
@Controller('jobs/preview')
export class JobPreviewController {
  constructor(private readonly previews: JobPreviewService) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'Show what a job would run, and what becomes of each of its fields; nothing is submitted' })
  @Answers(200, JobPreviewSchema, 'The plan.')
  @Refuses({
    400: 'A field is wrong.',
    404: 'Unknown dataset or configuration.',
    409: 'The dataset is not ready or of another kind.',
    422: 'The trainer cannot run this job, or the base model is not set up for it.',
  })
  preview(@Caller() caller: Principal, @Body({ schema: PreviewJobSchema }) input: PreviewJob): Promise<JobPreview> {
    return this.previews.preview(caller, input);
  }
}
