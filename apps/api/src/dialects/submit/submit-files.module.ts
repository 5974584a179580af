import { Module } from '@nestjs/common';
import { JobsModule } from '../../jobs/jobs.module.js';
import { SubmitFilesController } from './submit-files.controller.js';

@Module({ imports: [JobsModule], controllers: [SubmitFilesController] })
export class SubmitFilesModule {}
