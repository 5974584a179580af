import type { Gpu, TrainerId } from '@influencerai/shared';
import { randomUUID } from 'node:crypto';
import { gpuEnvironment } from '../gpu-discovery.js';
import { containerName, createArguments, environmentFile } from '../runner/container-arguments.js';
import type { ContainerEngine } from '../runner/container-engine.js';
import { withPrivateFile } from '../runner/container-files.js';
import { containerPrograms } from '../runner/container-programs.js';
import type { ContainerSettings } from '../runner/container-settings.js';
import { IMPORT_TIMEOUT_MS, readImport, type ImportFinding } from './import-finding.js';

const FOLDER = '/tmp';
/** What the host calls the GPUs, which a container counts from 0. */
const HOST_GPUS = 'INFLUENCERAI_GPUS';

export interface ImportInContainerInput {
  id: TrainerId;
  engine: ContainerEngine;
  settings: ContainerSettings;
  /** Those that jobs get. */
  gpus: readonly Gpu[];
  /** Environment that every trainer gets. */
  trainerBase: Record<string, string>;
  /** Whose container it is: what a worker that crashed left behind is ended by its next start. */
  workerId: string;
}

/** The same as `importTrainer`, in a container as a job would get it, but with nothing of the host to read. */
export const importInContainer = async (input: ImportInContainerInput): Promise<ImportFinding> => {
  const { id, engine, settings, gpus, trainerBase, workerId } = input;
  const program = await containerPrograms(engine, settings.images).find(id);
  if (!program) return { canStart: false, problem: 'Its image is not on this host.' };
  const [file, ...args] = program;
  const indexes = gpus.map(({ index }) => index);
  const jobId = `check-${randomUUID()}`;
  const request = {
    file,
    args: [...args, '--doctor'],
    env: { ...trainerBase, HOME: FOLDER, HF_HUB_OFFLINE: '1', ...gpuEnvironment(gpus), [HOST_GPUS]: indexes.join(',') },
    workspaceDir: FOLDER,
    reads: [],
    job: { jobId, attempt: 1, trainer: id },
    gpus: indexes,
  };
  try {
    const ended = await withPrivateFile(environmentFile(request), (envFile) =>
      engine.run(createArguments({ request, settings, mounts: [], workerId, envFile }), IMPORT_TIMEOUT_MS),
    );
    // Of what the engine says the last line is advice on its own options.
    const fault = ended.stderr.split('\n').find((line) => line.startsWith('docker: '));
    return readImport({ ...ended, stderr: fault ?? ended.stderr }, gpus);
  } finally {
    // One that took too long still runs.
    await engine.remove(containerName(jobId));
  }
};
