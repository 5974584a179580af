import { AppError, type TrainingSpec } from '@influencerai/shared';
import { findTrainer } from '@influencerai/trainers';
import { MountedDatasets } from '../datasets/mounted-dataset.js';
import type { Env } from '../env.js';
import { discoverGpus } from '../gpu-discovery.js';
import { hostFacts } from '../host-facts.js';
import { offeredModel, readModelsFile } from '../models-file.js';
import { hostPrograms } from '../programs.js';
import { listDataset } from '../runner/dataset-listing.js';
import { PreviewError, type PlanPreview } from './plan-preview.js';

/** In place of the id and the folder that a job gets. */
const NO_JOB = '00000000-0000-0000-0000-000000000000';
const WORKSPACE = '/workspace';
const FILES_SHOWN = 50;

/**
 * Plans a frozen job for this host, with its GPUs, its models and the dataset below its data root. Writes nothing.
 * @throws AppError what a job would fail with; PreviewError where the GPUs of this host cannot be used
 */
export const planHere = async (spec: TrainingSpec, env: Env): Promise<PlanPreview> => {
  const trainer = findTrainer(spec.trainer);
  if (!trainer) throw new AppError('trainer_unavailable', { trainer: spec.trainer, reason: NOT_IMPLEMENTED });
  const { gpus, problem } = await discoverGpus(env.nvidiaSmi, env.visibleGpus);
  if (problem) throw new PreviewError(problem);
  const folder = await new MountedDatasets(env.dataRoot).find({ path: spec.dataset.path, storageRoot: '' });
  const dataset = await listDataset(spec, folder);
  const plan = trainer.plan(spec, {
    jobId: NO_JOB,
    attempt: 1,
    workspaceDir: WORKSPACE,
    dataset,
    host: hostFacts(gpus.slice(0, env.gpusPerJob), await hostPrograms(env).hasPackage(trainer.id, 'bitsandbytes')),
    model: offeredModel({ models: await readModelsFile(env.modelsFile), isHubOpen: env.isHubOpen }, trainer, spec),
  });
  return {
    plannedBy: 'worker',
    trainer: trainer.id,
    command: plan.command,
    steps: plan.steps,
    diskBytes: plan.diskBytes,
    examples: dataset.kind === 'image' ? dataset.images.length : dataset.rows.length,
    files: plan.files
      .slice(0, FILES_SHOWN)
      .map(({ path, content }) => ({ path, sizeBytes: Buffer.byteLength(content) })),
    fileCount: plan.files.length,
    linkCount: plan.links.length,
    mapping: plan.mapping,
    notes: [],
  };
};

const NOT_IMPLEMENTED = 'this version knows it by name only.';
