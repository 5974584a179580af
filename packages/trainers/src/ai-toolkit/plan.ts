import type { TrainingSpec } from '@influencerai/shared';
import { extname } from 'node:path/posix';
import { threadsFor } from '../threads.js';
import type { DatasetImage, Plan, PlanContext } from '../trainer.js';
import { DATASET_DIR, jobFor, type AiToolkitDriverConfig } from './config.js';
import { diskBytesFor } from './disk.js';
import { fileNameFor } from './file-name.js';
import { mapFields } from './mapping.js';
import type { Base } from './models.js';
import { unsupported } from './parameters.js';
import { inert, settingsFor, type Settings } from './settings.js';

const DRIVER_FILE = 'driver.json';
/** Endings that the trainer takes for pictures (ostris/ai-toolkit: toolkit/data_loader.py). */
const PICTURES = ['.jpg', '.jpeg', '.png', '.webp'];

/**
 * Translates the portable spec into the driver's `driver.json`, with a folder of links and captions that belongs to the
 * job alone.
 * @throws AppError `spec_unsupported`, `model_unavailable`
 */
export const planAiToolkit = (spec: TrainingSpec, context: PlanContext): Plan => {
  const settings = settingsFor(spec, context);
  const images = imagesOf(context);
  return {
    files: [
      { path: DRIVER_FILE, content: `${JSON.stringify(driverConfig(spec, context, settings), null, 2)}\n` },
      ...images.map((image, index) => ({ path: `${stem(index)}.txt`, content: inert(image.caption) })),
    ],
    links: images.map((image, index) => ({ path: `${stem(index)}${ending(image)}`, target: image.path })),
    reads: readsOf(context, settings, images),
    command: ['ai-toolkit', '--config', DRIVER_FILE],
    env: environmentFor(context, settings),
    stdin: 'commands',
    mapping: mapFields(spec, context, settings),
    steps: settings.steps,
    diskBytes: diskBytesFor(images, settings),
  };
};

const imagesOf = ({ dataset }: PlanContext): readonly DatasetImage[] => {
  const images = dataset.kind === 'image' ? dataset.images : [];
  if (images.length === 0) throw unsupported('the dataset holds no pictures.');
  const odd = images.find((image) => !PICTURES.includes(ending(image)));
  if (odd) throw unsupported(`it reads ${PICTURES.join(', ')}, and the dataset holds "${extname(odd.path)}".`);
  return images;
};

const ending = ({ path }: DatasetImage): string => extname(path).toLowerCase();

// Names of our own: what a tenant called a file can hold no pattern, and hides no picture behind a dot.
const stem = (index: number): string => `${DATASET_DIR}/${String(index + 1).padStart(6, '0')}`;

const driverConfig = (spec: TrainingSpec, context: PlanContext, settings: Settings): AiToolkitDriverConfig => ({
  job: jobFor(spec, context, settings),
  publishName: fileNameFor(spec),
  startStep: context.resumeFrom?.step ?? 0,
  totalSteps: settings.steps.total,
  totalEpochs: Math.max(1, Math.ceil(settings.steps.total / settings.steps.perEpoch)),
  stepsPerEpoch: settings.steps.perEpoch,
  saveEverySteps: settings.saveEvery,
  sampleEverySteps: settings.sampleEvery,
  resumeFrom: context.resumeFrom?.path,
  isBudgeted: context.isBudgeted,
});

const readsOf = ({ resumeFrom }: PlanContext, { base }: Settings, images: readonly DatasetImage[]): string[] => [
  ...images.map((image) => image.path),
  ...(base.isLocal ? [base.path] : []),
  ...(resumeFrom ? [resumeFrom.path] : []),
];

/** What an architecture adds to the model comes from the hub, wherever the model lies. */
const isOffline = ({ isLocal, arch: { model = {} } }: Base): boolean =>
  isLocal && !('assistant_lora_path' in model) && !('extras_name_or_path' in model);

const environmentFor = ({ host }: PlanContext, { base }: Settings): Record<string, string> => ({
  PYTHONUNBUFFERED: '1',
  PYTHONUTF8: '1',
  NO_ALBUMENTATIONS_UPDATE: '1',
  TOKENIZERS_PARALLELISM: 'false',
  ...threadsFor(host),
  ...(isOffline(base) && { HF_HUB_OFFLINE: '1' }),
  // The configuration cannot choose the device.
  ...(host.device === 'cpu' && { ACCELERATE_USE_CPU: 'true' }),
});
