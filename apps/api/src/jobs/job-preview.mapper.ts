import { basename, isAbsolute } from 'node:path';
import type { JobPreview, TrainingSpec } from '@influencerai/shared';
import type { ModelEntry, Plan } from '@influencerai/trainers';
import type { PreviewDataset } from './job-preview.dataset.js';

const MAX_FILE_BYTES = 64 * 1024;
const MAX_FILES = 50;
const MAX_LINKS = 10;

/** Stands for the folders of models while a plan is made, so that no path of a host can be in it. */
const MODELS_FOLDER = '/influencerai-models/';

/** The entry with other paths in place of the operator's; plans look at them, but open nothing. */
export const withoutHostPaths = (entry: ModelEntry): ModelEntry =>
  Object.fromEntries(
    Object.entries(entry).map(([key, value]) => [
      key,
      typeof value === 'string' && isAbsolute(value) ? MODELS_FOLDER + basename(value) : value,
    ]),
  ) as ModelEntry;

export interface Previewed {
  spec: TrainingSpec;
  plan: Plan;
  /** Without the host's paths. */
  model: ModelEntry | undefined;
  dataset: PreviewDataset;
  notes: string[];
}

/** Pure: a plan and what it was made of → what the API shows. */
export function toPreview({ spec, plan, model, dataset, notes }: Previewed): JobPreview {
  const steps = extrapolate(plan.steps, spec, dataset);
  return {
    trainer: spec.trainer,
    requestedTrainer: spec.requestedTrainer,
    model: model ? toModel(model) : null,
    summary: summaryOf(plan.mapping),
    mapping: plan.mapping.map(({ field, how, to, reason }) => ({
      field,
      how,
      ...(to !== undefined && { to: shown(to) }),
      ...(reason !== undefined && { reason: shown(reason) }),
    })),
    epochs: spec.training.maxSteps === null ? spec.training.epochs : Math.ceil(steps.total / steps.perEpoch),
    steps,
    diskBytes: Math.round(plan.diskBytes),
    seed: spec.training.seed,
    command: plan.command.map(shown),
    env: Object.fromEntries(Object.entries(plan.env).map(([name, value]) => [name, shown(value)])),
    files: { total: plan.files.length, data: configsFirst(plan.files).slice(0, MAX_FILES).map(toFile) },
    links: {
      total: plan.links.length,
      data: plan.links.slice(0, MAX_LINKS).map(({ path, target }) => ({ path, target: shown(target) })),
    },
    dataset: { examples: dataset.examples, isSample: dataset.isSample },
    notes: [...notes, ...dataset.notes],
    spec,
  };
}

const shown = (text: string): string => text.replaceAll(MODELS_FOLDER, '<models>/');

function toModel({ trainer, ...settings }: ModelEntry): JobPreview['model'] {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined) as [string, string | boolean][];
  return {
    trainer,
    settings: Object.fromEntries(given.map(([key, value]) => [key, typeof value === 'string' ? shown(value) : value])),
  };
}

function summaryOf(mapping: Plan['mapping']): JobPreview['summary'] {
  const count = (how: Plan['mapping'][number]['how']) => mapping.filter((field) => field.how === how).length;
  return { exact: count('exact'), approximated: count('approximated'), dropped: count('dropped') };
}

/** Captions, of which there are as many as pictures, come last. */
const configsFirst = (files: Plan['files']): Plan['files'] => [
  ...files.filter(({ path }) => !path.endsWith('.txt')),
  ...files.filter(({ path }) => path.endsWith('.txt')),
];

function toFile({ path, content }: Plan['files'][number]): JobPreview['files']['data'][number] {
  const bytes = Buffer.from(shown(content));
  const isTruncated = bytes.length > MAX_FILE_BYTES;
  // A character that the cut goes through is left out.
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_FILE_BYTES), { stream: isTruncated });
  return { path, content: text, sizeBytes: bytes.length, isTruncated };
}

/** Where some of the examples were read, as many steps more as there are examples more. */
function extrapolate(steps: Plan['steps'], { training }: TrainingSpec, dataset: PreviewDataset): Plan['steps'] {
  const { listing, examples, isSample } = dataset;
  const read = listing.kind === 'image' ? listing.images.length : listing.rows.length;
  if (!isSample || read === examples) return steps;
  const times = (count: number) => Math.ceil((count * examples) / read);
  return { perEpoch: times(steps.perEpoch), total: training.maxSteps === null ? times(steps.total) : steps.total };
}
