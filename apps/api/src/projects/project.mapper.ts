import type { JobStatus, Project, ProjectConfig, TrainingType, TraitType } from '@influencerai/shared';

/** A row of the table `project` with its traits and its job. */
export interface ProjectRow {
  id: string;
  number: number;
  tenantId: string;
  userId: string | null;
  name: string;
  description: string | null;
  baseModel: string;
  trainingType: string;
  maxRows: number;
  seed: number;
  outputDirectory: string;
  config: unknown;
  datasetId: string | null;
  jobId: string | null;
  createdAt: Date;
  updatedAt: Date;
  job: ProjectJob | null;
  traits: {
    type: string;
    percentage: number | null;
    datasets: { datasetId: string; datasetNumber: number; percentage: number; rows: number | null }[];
  }[];
}

/** What a project shows of its job. */
export interface ProjectJob {
  number: number;
  status: JobStatus;
  result: unknown;
}

/** The JSON column is only ever written from the type that it is read as. */
export const fromRow = (row: ProjectRow): Project => ({
  id: row.id,
  number: row.number,
  tenantId: row.tenantId,
  userId: row.userId,
  name: row.name,
  description: row.description,
  baseModel: row.baseModel,
  trainingType: row.trainingType as TrainingType,
  maxRows: row.maxRows,
  seed: row.seed,
  outputDirectory: row.outputDirectory,
  traits: row.traits.map(({ type, percentage, datasets }) => ({
    type: type as TraitType,
    percentage,
    datasets: datasets.map(({ datasetId, datasetNumber, percentage: share, rows }) => ({
      datasetId,
      datasetNumber,
      percentage: share,
      rows,
    })),
  })),
  config: row.config as ProjectConfig,
  // Derived, never stored: they cannot contradict the job.
  status: row.job?.status ?? 'pending',
  progress: progressOf(row.job),
  error: errorOf(row.job),
  jobId: row.jobId,
  jobNumber: row.job?.number ?? null,
  datasetId: row.datasetId,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
});

/** Percent with one decimal, of the steps that ran. */
export function progressOf(job: Omit<ProjectJob, 'number'> | null): number {
  if (job?.status === 'completed') return 100;
  const { progress } = (job?.result ?? {}) as { progress?: { currentStep?: unknown; totalSteps?: unknown } };
  const { currentStep, totalSteps } = progress ?? {};
  if (typeof currentStep !== 'number' || typeof totalSteps !== 'number' || totalSteps <= 0) return 0;
  return Math.min(100, Math.max(0, Math.round((1000 * currentStep) / totalSteps) / 10));
}

function errorOf(job: ProjectJob | null): string | null {
  const { error } = (job?.result ?? {}) as { error?: unknown };
  return job?.status === 'failed' && typeof error === 'string' ? error : null;
}
