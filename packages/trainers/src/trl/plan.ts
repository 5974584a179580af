import type { TrainingSpec } from '@influencerai/shared';
import { isAbsolute } from 'node:path/posix';
import { threadsFor } from '../threads.js';
import type { DatasetListing, Plan, PlanContext } from '../trainer.js';
import type { SftArguments, TrlDriverConfig } from './config.js';
import { beginnings, toJsonLines, unify, type TrlDataset } from './dataset.js';
import { diskBytesFor } from './disk.js';
import { mapFields } from './mapping.js';
import { baseFor, chatTemplateLink, type TrlBase } from './model.js';
import { readParameters, settingsFor, unsupported, type TrlSettings } from './settings.js';
import { sftArguments, TRAIN_FILE } from './sft.js';

export const DRIVER_FILE = 'driver.json';
const CHECKPOINTS_PER_JOB = 4;
const SAMPLE_PROMPTS = 2;
const STATE_EVERY_SECONDS = 600;

/** Everything the parts of a plan are made from. */
export interface Planned {
  spec: TrainingSpec;
  context: PlanContext;
  settings: TrlSettings;
  base: TrlBase;
  dataset: TrlDataset;
  sft: SftArguments;
  steps: Plan['steps'];
}

/**
 * Translates the portable spec into the driver's `driver.json`, and the rows into TRL's own kinds.
 * @throws AppError `spec_unsupported`, `model_unavailable`
 */
export const planTrl = (spec: TrainingSpec, context: PlanContext): Plan => {
  const planned = decide(spec, context);
  const { base, dataset } = planned;
  return {
    files: [
      { path: TRAIN_FILE, content: toJsonLines(dataset.rows) },
      { path: DRIVER_FILE, content: `${JSON.stringify(driverConfig(planned), null, 2)}\n` },
    ],
    links: base.chatTemplate === undefined ? [] : [{ path: chatTemplateLink, target: base.chatTemplate }],
    reads: readsOf(planned),
    command: ['trl', '--config', DRIVER_FILE],
    env: environmentFor(planned),
    // Several processes have no gate, since each would have to wait.
    stdin: context.host.gpus > 1 ? 'none' : 'commands',
    mapping: mapFields(planned),
    steps: planned.steps,
    diskBytes: diskBytesFor(planned),
  };
};

const decide = (spec: TrainingSpec, context: PlanContext): Planned => {
  const settings = settingsFor(spec, context);
  const base = baseFor(spec, context);
  const dataset = unify(rowsOf(context.dataset));
  const sft = sftArguments({ spec, context, settings, base, rowKind: dataset.kind });
  return { spec, context, settings, base, dataset, sft, steps: stepsFor(spec, context, settings) };
};

const rowsOf = (dataset: DatasetListing) => {
  if (dataset.kind === 'text') return dataset.rows;
  throw unsupported('it learns from rows of text, and the dataset holds pictures.');
};

/** As transformers counts: whole batches per device, the last one short, and a short last accumulation too. */
const stepsFor = (spec: TrainingSpec, { dataset, host }: PlanContext, { batch }: TrlSettings): Plan['steps'] => {
  const batches = Math.ceil(rowsOf(dataset).length / (batch.size * Math.max(1, host.gpus)));
  const perEpoch = Math.max(1, Math.ceil(batches / batch.accumulation));
  return { perEpoch, total: spec.training.maxSteps ?? perEpoch * spec.training.epochs };
};

const driverConfig = (planned: Planned): TrlDriverConfig => {
  const { spec, context, settings, steps, sft } = planned;
  return {
    name: fileNameFor(spec),
    method: settings.method,
    startStep: context.resumeFrom?.step ?? 0,
    totalSteps: steps.total,
    isBudgeted: context.isBudgeted ?? false,
    stateEverySeconds: STATE_EVERY_SECONDS,
    checkpoint: checkpointFor(spec),
    samples: samplesFor(planned),
    resumeFrom: context.resumeFrom?.path,
    publicBase: spec.baseModel,
    metadata: metadataFor(spec, context),
    outOfMemoryHint: outOfMemoryHint(spec, settings),
    processes: Math.max(1, context.host.gpus),
    sft,
  };
};

/** Every fourth of the epochs, unless the configuration says otherwise. */
const checkpointFor = (spec: TrainingSpec): TrlDriverConfig['checkpoint'] => {
  const { saveEverySteps, saveEveryEpochs } = readParameters(spec);
  if (saveEverySteps !== undefined) return { everySteps: saveEverySteps };
  if (saveEveryEpochs !== undefined) return { everyEpochs: saveEveryEpochs };
  const { maxSteps, epochs } = spec.training;
  if (maxSteps !== null) return { everySteps: Math.ceil(maxSteps / CHECKPOINTS_PER_JOB) };
  return { everyEpochs: Math.ceil(epochs / CHECKPOINTS_PER_JOB) };
};

const samplesFor = ({ spec, settings, dataset, context }: Planned): TrlDriverConfig['samples'] => ({
  prompts: context.host.gpus > 1 ? [] : (spec.samples.prompts ?? beginnings(dataset.rows, SAMPLE_PROMPTS)),
  maxTokens: settings.sampleMaxTokens,
  asChat: dataset.kind === 'messages',
});

/** A file name that is no option and no path. */
export const fileNameFor = ({ output }: TrainingSpec): string =>
  output.name.replace(/[^\p{L}\p{N}._-]/gu, '-').replace(/^[._-]+/, '') || 'lora';

const metadataFor = (spec: TrainingSpec, context: PlanContext): Record<string, string> => ({
  job_id: context.jobId,
  attempt: String(context.attempt),
  trainer: 'trl',
  requested_trainer: spec.requestedTrainer,
  requested_base_model: spec.baseModel,
  dataset_digest: spec.dataset.digest ?? '',
  trigger_word: spec.dataset.triggerWord ?? '',
});

const outOfMemoryHint = (spec: TrainingSpec, settings: TrlSettings): string => {
  const { batch, maxLength, method, gradientCheckpointing } = settings;
  const advice = [
    ...(batch.size > 1 ? [`batchSize below ${batch.size} (gradientAccumulation makes up for it)`] : []),
    ...(maxLength > 256 ? [`meta.maxLength below ${maxLength}`] : []),
    ...(gradientCheckpointing ? [] : ['meta.gradientCheckpointing: true']),
    ...(method === 'lora' ? ['meta.method: "qlora"'] : []),
    ...(method === 'full' ? ['meta.method: "lora"'] : [`networkDim below ${spec.network.dim}`]),
  ];
  return `Try, in this order: ${advice.join('; ')}.`;
};

const readsOf = ({ base, context }: Planned): string[] =>
  [base.model, base.chatTemplate, context.resumeFrom?.path].filter(
    (path): path is string => path !== undefined && isAbsolute(path),
  );

const environmentFor = ({ base, context }: Planned): Record<string, string> => ({
  PYTHONUNBUFFERED: '1',
  PYTHONUTF8: '1',
  TOKENIZERS_PARALLELISM: 'false',
  ...threadsFor(context.host),
  // Tokenised rows belong to this job alone; downloaded models may be shared, so HF_HOME is left as it is.
  HF_DATASETS_CACHE: `${context.workspaceDir}/tmp/datasets`,
  HF_HUB_DISABLE_TELEMETRY: '1',
  ...(base.isLocal && { HF_HUB_OFFLINE: '1' }),
});
