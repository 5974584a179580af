import { Module } from '@nestjs/common';
import { DatasetsModule } from '../datasets/datasets.module.js';
import { UploadsModule } from '../uploads/uploads.module.js';
import { JobEventsRepository } from '../events/job-events.repository.js';
import { JobStreamController } from '../events/job-stream.controller.js';
import { JobStreamService } from '../events/job-stream.service.js';
import { JobArtifactsController } from './job-artifacts.controller.js';
import { JobArtifactsRepository } from './job-artifacts.repository.js';
import { JobArtifactsService } from './job-artifacts.service.js';
import { JobDatasetController } from './job-dataset.controller.js';
import { JobDatasetService } from './job-dataset.service.js';
import { JobHistoryController } from './job-history.controller.js';
import { JobHistoryRepository } from './job-history.repository.js';
import { JobHistoryService } from './job-history.service.js';
import { JobPreviewController } from './job-preview.controller.js';
import { JobPreviewService } from './job-preview.service.js';
import { JobRerunController } from './job-rerun.controller.js';
import { JobRerunService } from './job-rerun.service.js';
import { JobSpecs } from './job-specs.js';
import { JobSubmissionsRepository } from './job-submissions.repository.js';
import { ArtifactLinksController } from './links/artifact-links.controller.js';
import { ArtifactLinksService } from './links/artifact-links.service.js';
import { DownloadsController } from './links/downloads.controller.js';
import { LinkSecretsRepository } from './links/link-secrets.repository.js';
import { SessionGrantsService } from './sessions/session-grants.service.js';
import { SessionLogsService } from './sessions/session-logs.service.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SessionsRepository } from './sessions/sessions.repository.js';
import { SessionsService } from './sessions/sessions.service.js';
import { JobsController } from './jobs.controller.js';
import { JobsRepository } from './jobs.repository.js';
import { JobsService } from './jobs.service.js';

@Module({
  imports: [DatasetsModule, UploadsModule],
  controllers: [
    JobPreviewController,
    SessionsController,
    JobsController,
    JobRerunController,
    JobHistoryController,
    JobArtifactsController,
    ArtifactLinksController,
    DownloadsController,
    JobDatasetController,
    JobStreamController,
  ],
  providers: [
    JobsRepository,
    JobsService,
    JobSpecs,
    JobSubmissionsRepository,
    JobPreviewService,
    JobRerunService,
    JobHistoryRepository,
    JobHistoryService,
    JobArtifactsRepository,
    JobArtifactsService,
    ArtifactLinksService,
    LinkSecretsRepository,
    JobDatasetService,
    JobEventsRepository,
    JobStreamService,
    SessionsRepository,
    SessionsService,
    SessionGrantsService,
    SessionLogsService,
  ],
  exports: [
    JobsService,
    JobHistoryService,
    JobArtifactsRepository,
    JobArtifactsService,
    ArtifactLinksService,
    SessionsService,
    SessionGrantsService,
    SessionLogsService,
  ],
})
export class JobsModule {}
