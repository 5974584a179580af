import * as shared from '@influencerai/shared';
import type { z } from 'zod';

export type TypeTable = Record<string, { schema: z.core.$ZodType; doc: string; overrides?: Record<string, string> }>;

/** What the API answers. */
export const RESPONSE_TYPES: TypeTable = {
  DatasetKind: { schema: shared.DatasetKindSchema, doc: 'What a dataset holds.' },
  DatasetStatus: { schema: shared.DatasetStatusSchema, doc: 'How far the validation of a dataset is.' },
  DatasetStats: { schema: shared.DatasetStatsSchema, doc: 'What opening every file of a dataset found.' },
  DatasetProblem: { schema: shared.DatasetProblemSchema, doc: 'Something wrong with one file of a dataset.' },
  DatasetUpload: { schema: shared.DatasetUploadSchema, doc: 'What an upload brought.' },
  Dataset: { schema: shared.DatasetSchema, doc: 'A folder of training data.' },
  LoraConfig: { schema: shared.LoraConfigSchema, doc: 'A reusable set of training parameters.' },
  DeletedLoraConfig: { schema: shared.DeletedLoraConfigSchema, doc: 'The answer to a deletion.' },
  TrainerId: { schema: shared.TrainerIdSchema, doc: 'A program that trains.' },
  JobStatus: {
    schema: shared.JobStatusSchema,
    doc: 'State of a job. A server newer than this package may send others.',
  },
  JobProgress: { schema: shared.JobProgressSchema, doc: '`result.progress` of a running job.' },
  Job: { schema: shared.JobSchema, doc: 'One training run, from submission to its final weights.' },
  JobSeries: { schema: shared.JobSeriesSchema, doc: 'Outcomes of jobs by day.' },
  LogStream: { schema: shared.LogStreamSchema, doc: 'Where a log line came from.' },
  JobLogLine: { schema: shared.JobLogLineSchema, doc: 'One line of output.' },
  JobLogPage: { schema: shared.JobLogPageSchema, doc: 'A stretch of the log.' },
  JobMetric: { schema: shared.JobMetricSchema, doc: 'One point of the loss curve.' },
  JobMetrics: { schema: shared.JobMetricsSchema, doc: 'The loss curve.' },
  ArtifactKind: { schema: shared.ArtifactKindSchema, doc: 'What a file of a job is.' },
  JobArtifact: { schema: shared.JobArtifactSchema, doc: 'A file that a job wrote.' },
  JobArtifactList: { schema: shared.JobArtifactListSchema, doc: 'All files of a job.' },
  JobEvent: { schema: shared.JobEventSchema, doc: 'Something that happened to a job.' },
  ErrorBody: {
    schema: shared.ErrorBodySchema,
    doc: 'Body of every answer that is not 2xx.',
    overrides: { code: 'ErrorCode' },
  },
  TrainingSpec: { schema: shared.TrainingSpecSchema, doc: 'Everything a trainer needs, frozen at submission.' },
  FieldMapping: { schema: shared.FieldMappingSchema, doc: 'What becomes of one field of a spec at a trainer.' },
  JobPreview: { schema: shared.JobPreviewSchema, doc: 'What a job would run.' },
  JobManifest: { schema: shared.JobManifestSchema, doc: 'What a job was frozen with and what came of it.' },
  Gpu: { schema: shared.GpuSchema, doc: 'One GPU of a worker.' },
  HeldJob: { schema: shared.HeldJobSchema, doc: 'One attempt at a job; the attempt number fences off older writers.' },
  RegisteredWorker: { schema: shared.RegisteredWorkerSchema, doc: 'The answer to a registration.' },
  ClaimedJob: { schema: shared.ClaimedJobSchema, doc: 'A job that a worker was given.' },
  ClaimAnswer: { schema: shared.ClaimAnswerSchema, doc: 'The answer to a claim; `job` is null when nothing waits.' },
  Directive: { schema: shared.DirectiveSchema, doc: 'What a worker must do with an attempt.' },
  HeartbeatAnswer: { schema: shared.HeartbeatAnswerSchema, doc: 'Directives for all attempts of a heartbeat.' },
  Worker: { schema: shared.WorkerSchema, doc: 'A machine that runs jobs.' },
  WorkerList: { schema: shared.WorkerListSchema, doc: 'All workers.' },
};

/** What a caller sends; fields with a default are optional. */
export const REQUEST_TYPES: TypeTable = {
  CreateDataset: { schema: shared.CreateDatasetSchema, doc: 'Body of `datasets.create`.' },
  ListDatasetsQuery: { schema: shared.ListDatasetsQuerySchema, doc: 'Filters of `datasets.list`.' },
  CreateLoraConfig: { schema: shared.CreateLoraConfigSchema, doc: 'Body of `loraConfigs.create`.' },
  UpdateLoraConfig: { schema: shared.UpdateLoraConfigSchema, doc: 'Body of `loraConfigs.update`.' },
  ListLoraConfigsQuery: {
    schema: shared.ListLoraConfigsQuerySchema,
    doc: 'Filters of `loraConfigs.list`.',
    overrides: { isDefault: 'boolean' },
  },
  CreateJob: { schema: shared.CreateJobSchema, doc: 'Body of `jobs.create`.' },
  PreviewJob: { schema: shared.PreviewJobSchema, doc: 'Body of `jobs.preview`.' },
  RerunJob: { schema: shared.RerunJobSchema, doc: 'Body of `jobs.rerun`.' },
  ListJobsQuery: { schema: shared.ListJobsQuerySchema, doc: 'Filters of `jobs.list`.' },
  JobMetricInput: { schema: shared.JobMetricSchema, doc: 'One point of the loss curve, as a worker reports it.' },
  UpdateJob: { schema: shared.UpdateJobSchema, doc: 'Body of `jobs.update`.' },
  JobSeriesQuery: { schema: shared.JobSeriesQuerySchema, doc: 'Parameters of `jobs.series`.' },
  AppendJobLogs: { schema: shared.AppendJobLogsSchema, doc: 'Body of `jobs.appendLogs`.' },
  ListJobLogsQuery: { schema: shared.ListJobLogsQuerySchema, doc: 'Parameters of `jobs.logs`.' },
  JobMetricsQuery: { schema: shared.JobMetricsQuerySchema, doc: 'Parameters of `jobs.metrics`.' },
  ListArtifactsQuery: { schema: shared.ListArtifactsQuerySchema, doc: 'Filters of `jobs.artifacts`.' },
  PutArtifactQuery: { schema: shared.PutArtifactQuerySchema, doc: 'What an uploaded file is.' },
  RegisterWorker: { schema: shared.RegisterWorkerSchema, doc: 'Body of `workers.register`.' },
  ClaimRequest: { schema: shared.ClaimRequestSchema, doc: 'Body of `workers.claim`.' },
  Heartbeat: { schema: shared.HeartbeatSchema, doc: 'Body of `workers.heartbeat`.' },
};
