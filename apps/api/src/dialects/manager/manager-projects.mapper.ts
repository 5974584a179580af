import { isDeepStrictEqual } from 'node:util';
import {
  AppError,
  type CreateProject,
  CreateProjectSchema,
  type FieldIssue,
  fieldError,
  type JobStatus,
  type Page,
  type Project,
  type ProjectValidation,
  type TrainingDefaults,
} from '@influencerai/shared';
import { fromPage, toStamp } from './manager.mapper.js';
import { fromTrainingType, toTrainingType } from './manager-jobs.mapper.js';
import {
  FIXED,
  FixedFieldsSchema,
  type ManagerProject,
  type ManagerProjectPage,
  type ManagerValidation,
  type OutputDirectoryAnswer,
  type ProjectCreate,
  type ProjectUpdate,
} from './manager-projects.schema.js';

/** A project of this contract is pending until it runs, also while its tenant has as many jobs as it may. */
const STATUS = {
  queued: 'pending',
  pending: 'pending',
  running: 'running',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
} as const satisfies Record<JobStatus, ManagerProject['status']>;

/** Numbers of all datasets that a project names. */
export const datasetNumbers = ({ traits }: ProjectCreate): number[] =>
  traits.flatMap(({ datasets }) => datasets.map(({ dataset_id }) => dataset_id));

/** What a project takes over when it is created: its datasets, by number, and what the tenant trains with. */
export interface ProjectContext {
  ids: ReadonlyMap<number, string>;
  defaults: TrainingDefaults;
}

/**
 * @throws AppError `validation_failed` that says which rule is broken
 */
export function toCreateProject(wire: ProjectCreate, { ids, defaults }: ProjectContext): CreateProject {
  const { name, description, traits } = wire;
  const { epochs, learningRate, batchSize, networkDim, networkAlpha, loraDropout } = defaults;
  const parsed = CreateProjectSchema.safeParse({
    name,
    description,
    baseModel: wire.base_model,
    trainingType: wire.training_type === undefined ? defaults.trainingType : toTrainingType(wire.training_type),
    maxRows: wire.max_rows,
    outputDirectory: toOutputDirectory(wire.output_directory),
    config: { epochs, learningRate, batchSize, networkDim, networkAlpha, meta: { loraDropout } },
    traits: traits.map(({ trait_type, percentage, datasets }, trait) => ({
      type: trait_type,
      percentage,
      datasets: datasets.map((share, index) => ({
        datasetId: idOf(share.dataset_id, ids, ['traits', trait, 'datasets', index, 'dataset_id']),
        percentage: share.percentage,
      })),
    })),
  });
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => ({ path: path as FieldIssue['path'], message }));
  throw new AppError('validation_failed', { issues });
}

function idOf(number: number, ids: ReadonlyMap<number, string>, field: FieldIssue['path']): string {
  const id = ids.get(number);
  if (id === undefined) throw fieldError(field, `Dataset ${number} not found.`);
  return id;
}

/** Whatever way it is written, it lies below the data folder. */
export const toOutputDirectory = (path: string): string => `data/${path.replace(/^\/+/, '').replace(/^data\//, '')}`;

const fromOutputDirectory = (path: string): string => path.replace(/^data\//, '/');

export const fromProject = (project: Project): ManagerProject => ({
  id: project.number,
  name: project.name,
  description: project.description,
  base_model: project.baseModel,
  training_type: fromTrainingType(project.trainingType),
  max_rows: project.maxRows,
  output_directory: fromOutputDirectory(project.outputDirectory),
  status: STATUS[project.status],
  progress: project.progress,
  error_message: project.error,
  job_id: project.jobNumber,
  traits: project.traits.map(({ type, percentage, datasets }, index) => ({
    id: index + 1,
    trait_type: type,
    percentage,
    datasets: datasets.map(({ datasetNumber, percentage: share, rows }) => ({
      dataset_id: datasetNumber,
      percentage: share,
      rows,
    })),
  })),
  created_at: toStamp(project.createdAt),
  updated_at: toStamp(project.updatedAt),
});

/**
 * What a change may name, so that a project that was read can be sent back, and must not differ.
 * @throws AppError `validation_failed`
 */
export function assertUnchanged(change: ProjectUpdate, project: ManagerProject): void {
  const kept = FixedFieldsSchema.parse(project);
  const changed = FIXED.filter((name) => change[name] !== undefined && !isDeepStrictEqual(change[name], kept[name]));
  if (changed.length === 0) return;
  const issues = changed.map((name) => ({ path: [name], message: 'Cannot be changed after creation.' }));
  throw new AppError('validation_failed', { issues });
}

export function fromProjectPage(page: Page<Project>): ManagerProjectPage {
  const { pages: _, ...rest } = fromPage(page, fromProject);
  return rest;
}

export const fromValidation = ({ valid, files, loading, errors }: ProjectValidation): ManagerValidation => ({
  valid,
  files: { valid: files.valid, files_checked: files.filesChecked, errors: files.errors },
  loading: {
    valid: loading.valid,
    errors: loading.errors,
    ...(loading.skipped !== null && { skipped: loading.skipped }),
  },
  errors,
});

/** Of a directory that results can be written to. */
export const fromWritable = (outputDirectory: string): OutputDirectoryAnswer => ({
  valid: true,
  writable: true,
  path: fromOutputDirectory(outputDirectory),
  errors: [],
});
