import type { TrainingSpec } from '@influencerai/shared';
import { isAbsolute } from 'node:path/posix';
import { shrunkBatch } from '../shrunk-batch.js';
import { threadsFor } from '../threads.js';
import type { Plan, PlanContext } from '../trainer.js';
import { datasetFor, stepsPerEpoch, type KohyaDataset } from './dataset.js';
import { diskBytesFor } from './disk.js';
import { DRIVER_FILE, driverConfig, JOB_FILE } from './driver-config.js';
import { jobOptions } from './job.js';
import { mapFields } from './mapping.js';
import { baseFor, type Base } from './model.js';
import { PROMPTS_FILE, promptsFile, promptsFor } from './samples.js';
import { settingsFor, type KohyaSettings } from './settings.js';
import { undrivenDir } from './states.js';
import { toToml } from './toml.js';

/** `gate`: our step gate; `launch`: several processes without one. */
export type Mode = 'gate' | 'launch';

/** Everything the parts of a plan are made from. */
export interface Planned {
  spec: TrainingSpec;
  context: PlanContext;
  base: Base;
  settings: KohyaSettings;
  dataset: KohyaDataset;
  prompts: string[];
  /** Of the batch that was asked for: a smaller one after running out of memory must not change how long a job is. */
  steps: Plan['steps'];
  /** Steps of the epochs that kohya makes of the batch it gets. */
  kohyaPerEpoch: number;
  mode: Mode;
  /** File base name. */
  name: string;
  seed: number;
  /** Where the script writes, relative to the workspace. */
  outputDir: string;
}

/**
 * Translates the portable spec into `job.toml`, `dataset.json`, `prompts.json` and the driver's `driver.json`.
 * @throws AppError `spec_unsupported`, `model_unavailable`
 */
export const planKohya = (spec: TrainingSpec, context: PlanContext): Plan => {
  const planned = decide(spec, context);
  const { base, dataset, prompts, mode } = planned;
  const { resumeFrom } = context;
  return {
    files: [
      { path: JOB_FILE, content: toToml(jobOptions(planned)) },
      ...(prompts.length === 0
        ? []
        : [{ path: PROMPTS_FILE, content: promptsFile(prompts, { ...planned, traits: base.traits }) }]),
      { path: DRIVER_FILE, content: `${JSON.stringify(driverConfig(planned), null, 2)}\n` },
      ...dataset.files,
    ],
    links: dataset.links,
    reads: [...dataset.reads, ...base.reads, ...(resumeFrom ? [resumeFrom.path] : [])],
    command: ['kohya', '--config', DRIVER_FILE],
    env: environmentFor(planned),
    stdin: mode === 'gate' ? 'commands' : 'none',
    mapping: mapFields(planned),
    steps: planned.steps,
    diskBytes: diskBytesFor(planned),
  };
};

const decide = (spec: TrainingSpec, context: PlanContext): Planned => {
  const base = baseFor(spec, context);
  const settings = settingsFor(spec, context, base.traits);
  const dataset = datasetFor(spec, context, settings);
  const { gpus } = context.host;
  const steps = stepsFor(spec, stepsPerEpoch(dataset, settings, { batch: shrunkBatch(spec, 0), gpus }));
  const kohyaPerEpoch = stepsPerEpoch(dataset, settings, { batch: settings.batch, gpus });
  const mode = gpus > 1 ? 'launch' : 'gate';
  return {
    spec,
    context,
    base,
    settings,
    dataset,
    prompts: promptsFor(spec, dataset),
    steps,
    kohyaPerEpoch,
    mode,
    name: fileNameFor(spec),
    seed: seedFor(spec),
    outputDir: mode === 'gate' ? 'output' : undrivenDir({ perEpoch: kohyaPerEpoch, total: steps.total }),
  };
};

const stepsFor = ({ training }: TrainingSpec, perEpoch: number): Plan['steps'] => ({
  perEpoch,
  total: training.maxSteps ?? perEpoch * training.epochs,
});

// Endings that kohya gives to checkpoints and states; a name of its own must not look like one.
const TAKEN_ENDING = /(?:-\d{6}|-step\d{8}|-state)$/;

/** A file name that is no option, no path and none of kohya's own. */
export const fileNameFor = ({ output }: TrainingSpec): string => {
  const name = output.name.replace(/[^\p{L}\p{N}._-]/gu, '-').replace(/^[._-]+/, '') || 'lora';
  return TAKEN_ENDING.test(name) ? `${name}_` : name;
};

/** NumPy takes seeds of 32 bits. */
export const seedFor = ({ training }: TrainingSpec): number => ((training.seed % 2 ** 32) + 2 ** 32) % 2 ** 32;

const environmentFor = ({ base, context }: Planned): Record<string, string> => {
  const isOffline = isAbsolute(String(base.options['pretrained_model_name_or_path']));
  return {
    PYTHONUNBUFFERED: '1',
    PYTHONUTF8: '1',
    // kohya's log breaks lines, paths included, at the width of the terminal.
    COLUMNS: '1000',
    ...threadsFor(context.host),
    TOKENIZERS_PARALLELISM: 'false',
    HF_HUB_DISABLE_TELEMETRY: '1',
    ...(isOffline && base.options['tokenizer_cache_dir'] !== undefined && { HF_HUB_OFFLINE: '1' }),
    // A job on a CPU slot must not take a GPU that it was not given.
    ...(context.host.device === 'cpu' && { CUDA_VISIBLE_DEVICES: '' }),
  };
};
