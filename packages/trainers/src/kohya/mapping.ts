import { mapShared, ofEachGpu, withoutBf16 } from '../map-shared.js';
import type { FieldMapping } from '../trainer.js';
import { classTokensOf } from './dataset.js';
import { mapExtra } from './mapping-extra.js';
import type { Planned } from './plan.js';
import { isShrunk } from './settings.js';

/** Tells for each field of the spec what became of it. */
export const mapFields = (planned: Planned): FieldMapping[] => [
  baseModel(planned),
  exact('dataset', `image_dir (${planned.dataset.images.length} pictures, linked)`),
  triggerWord(planned),
  outputName(planned),
  network(planned, 'dim'),
  network(planned, 'alpha'),
  epochs(planned),
  maxSteps(planned),
  batchSize(planned),
  accumulation(planned),
  exact('training.learningRate', `learning_rate=${planned.spec.training.learningRate}`),
  resolution(planned),
  chosen('training.optimizer', 'optimizer_type', planned.settings.optimizer),
  chosen('training.lrScheduler', 'lr_scheduler', planned.settings.scheduler),
  minSnrGamma(planned),
  seed(planned),
  samplePrompts(planned),
  ...mapShared(planned.spec),
  ...Object.keys(planned.spec.extra).map((key) => mapExtra(planned, key)),
  ...withoutBf16({
    host: planned.context.host,
    option: 'mixed_precision',
    used: planned.settings.precision,
    asked: planned.settings.given.precision,
  }),
];

export const exact = (field: string, to: string): FieldMapping => ({ field, how: 'exact', to });
export const dropped = (field: string, reason: string): FieldMapping => ({ field, how: 'dropped', reason });
export const near = (field: string, to: string, reason: string): FieldMapping => ({
  field,
  how: 'approximated',
  to,
  reason,
});

const chosen = (field: string, option: string, { name, reason }: { name: string; reason?: string }): FieldMapping =>
  reason ? near(field, `${option}=${name}`, reason) : exact(field, `${option}=${name}`);

const baseModel = ({ base, settings }: Planned): FieldMapping => {
  const script = settings.full?.script ?? base.traits.script;
  const from = base.isFromRegistry ? '(from the registry)' : String(base.options['pretrained_model_name_or_path']);
  return exact('baseModel', `pretrained_model_name_or_path=${from}, ${script}.py`);
};

const triggerWord = ({ spec, settings, dataset }: Planned): FieldMapping => {
  const field = 'dataset.triggerWord';
  const { triggerWord: word } = spec.dataset;
  if (word === null) return exact(field, 'unset');
  if (classTokensOf(spec, settings) !== word)
    return near(field, 'captions', 'meta.classTokens stands in for captions.');
  const isInAll = dataset.images.every(({ caption }) => caption === '' || caption.includes(word));
  const to = `class_tokens=${word}`;
  if (isInAll) return exact(field, to);
  return near(field, to, 'It stands in for missing captions; captions without it are taken as they are.');
};

const outputName = ({ spec, name }: Planned): FieldMapping => {
  const to = `output_name=${name}`;
  if (name === spec.output.name) return exact('output.name', to);
  return near('output.name', to, 'A file name starts with a letter or a digit and ends unlike a checkpoint.');
};

const network = ({ spec, settings }: Planned, key: 'dim' | 'alpha'): FieldMapping =>
  settings.full
    ? dropped(`network.${key}`, 'All weights are trained, so there is no network.')
    : exact(`network.${key}`, `network_${key}=${spec.network[key]}`);

const epochs = (planned: Planned): FieldMapping => {
  const { training } = planned.spec;
  const field = 'training.epochs';
  if (training.maxSteps === null && isShrunk(planned)) {
    return near(field, `max_train_steps=${planned.steps.total}`, 'Counted out with the batch that was asked for.');
  }
  if (training.maxSteps === null) return exact(field, `max_train_epochs=${training.epochs}`);
  return near(field, `max_train_steps=${training.maxSteps}`, 'maxSteps decides how long it trains.');
};

const maxSteps = ({ spec: { training } }: Planned): FieldMapping =>
  exact('training.maxSteps', training.maxSteps === null ? 'unset' : `max_train_steps=${training.maxSteps}`);

const batchSize = ({ spec, settings: { batch }, context: { host } }: Planned): FieldMapping => {
  const to = `batch_size=${batch.size}`;
  const isLowered = batch.size !== spec.training.batchSize;
  const reasons = [...(isLowered ? ['Lowered after running out of memory.'] : []), ...ofEachGpu(host)];
  return reasons.length === 0 ? exact('training.batchSize', to) : near('training.batchSize', to, reasons.join(' '));
};

const accumulation = ({ spec: { training }, settings: { batch, full } }: Planned): FieldMapping => {
  const field = 'training.gradientAccumulation';
  const to = `gradient_accumulation_steps=${batch.accumulation}`;
  if (batch.accumulation !== training.gradientAccumulation) {
    return near(field, to, 'Raised as the batch was lowered, so that a step still sees as many pictures.');
  }
  if (full && batch.accumulation > 1) {
    return near(field, to, 'kohya does not vouch for it where U-Net and text encoder are trained in full.');
  }
  return exact(field, to);
};

const resolution = ({ spec: { training }, settings: { buckets } }: Planned): FieldMapping => {
  const to = `resolution=${training.resolution}`;
  if (buckets.enabled) return exact('training.resolution', `${to}, buckets of ${buckets.min} to ${buckets.max}`);
  return exact('training.resolution', `${to}, every picture cropped to a square`);
};

const minSnrGamma = ({ spec: { training }, settings, base }: Planned): FieldMapping => {
  const field = 'training.minSnrGamma';
  if (settings.minSnrGamma !== undefined) return exact(field, `min_snr_gamma=${settings.minSnrGamma}`);
  if (training.minSnrGamma === null) return exact(field, 'unset');
  if (base.traits.isFlow) return dropped(field, `kohya weights noise levels of ${base.family} in another way.`);
  return dropped(field, 'It must be greater than 0.');
};

const seed = ({ spec, seed: used }: Planned): FieldMapping => {
  if (used === spec.training.seed) return exact('training.seed', `seed=${used}`);
  return near('training.seed', `seed=${used}`, 'NumPy takes seeds of 32 bits; the lowest 32 are used.');
};

const samplePrompts = ({ spec, prompts }: Planned): FieldMapping => {
  const to = `sample_prompts (${prompts.length})`;
  if (spec.samples.prompts !== null) return exact('samples.prompts', to);
  return near('samples.prompts', to, 'None were given, so captions of the dataset are used.');
};
