import type { TrainingSpec } from '@influencerai/shared';
import { extname } from 'node:path/posix';
import type { Batch } from '../shrunk-batch.js';
import type { DatasetImage, Plan, PlanContext } from '../trainer.js';
import { batchesPerEpoch } from './buckets.js';
import type { KohyaSettings } from './settings.js';
import { unsupported } from './unsupported.js';

/** Neutral, since kohya writes the names of folders into the header of the weights. */
const IMAGE_DIR = 'dataset/images';
export const DATASET_FILE = 'dataset.json';
const METADATA_FILE = 'captions.json';

/** The pictures as a folder of links that belongs to the job, with captions as files beside them. */
export interface KohyaDataset {
  files: Plan['files'];
  links: Plan['links'];
  reads: string[];
  images: readonly DatasetImage[];
}

export const datasetFor = (spec: TrainingSpec, context: PlanContext, settings: KohyaSettings): KohyaDataset => {
  const { dataset } = context;
  if (dataset.kind !== 'image') throw unsupported('it learns from pictures, and the dataset holds text.');
  if (dataset.images.length === 0) throw unsupported('the dataset holds no pictures.');
  const named = dataset.images.map((image, index) => ({ ...image, name: `${IMAGE_DIR}/${numbered(index)}` }));
  const captions = named.flatMap(({ name, caption }) => captionFile(`${name}.txt`, caption));
  return {
    files: [
      { path: DATASET_FILE, content: `${JSON.stringify(datasetConfig(spec, context, settings), null, 2)}\n` },
      ...(settings.full?.dataset === 'metadata' ? [metadataFile(spec, context, settings, named)] : captions),
    ],
    links: named.map(({ name, path }) => ({ path: name + extensionOf(path), target: path })),
    reads: dataset.images.map(({ path }) => path),
    images: dataset.images,
  };
};

/** Steps of an epoch with a batch, as kohya counts them: batches by bucket, then processes, then accumulation. */
export const stepsPerEpoch = (
  { images }: KohyaDataset,
  { buckets, given }: KohyaSettings,
  { batch, gpus }: { batch: Batch; gpus: number },
): number => {
  const batches = batchesPerEpoch(images, buckets, { repeats: given.numRepeats ?? 1, batchSize: batch.size });
  return Math.ceil(Math.ceil(batches / Math.max(1, gpus)) / batch.accumulation);
};

const numbered = (index: number): string => String(index + 1).padStart(4, '0');

const extensionOf = (path: string): string => extname(path).toLowerCase();

/** kohya reads the first line only, and fails at a file without one. */
const captionFile = (path: string, caption: string): Plan['files'] => {
  const line = oneLine(caption);
  return line === '' ? [] : [{ path, content: `${line}\n` }];
};

const oneLine = (text: string): string => text.replace(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();

const datasetConfig = (spec: TrainingSpec, { workspaceDir }: PlanContext, settings: KohyaSettings) => {
  const { batch, buckets, given, full } = settings;
  const isByMetadata = full?.dataset === 'metadata';
  const classTokens = classTokensOf(spec, settings);
  return {
    general: {
      shuffle_caption: given.shuffleCaption ?? false,
      keep_tokens: given.keepTokens ?? 0,
      flip_aug: given.flipAug ?? false,
      caption_dropout_rate: given.captionDropoutRate ?? 0,
      ...(!isByMetadata && { caption_extension: '.txt' }),
    },
    datasets: [
      {
        resolution: buckets.resolution,
        batch_size: batch.size,
        enable_bucket: buckets.enabled,
        min_bucket_reso: buckets.min,
        max_bucket_reso: buckets.max,
        bucket_reso_steps: buckets.step,
        subsets: [
          {
            image_dir: `${workspaceDir}/${IMAGE_DIR}`,
            num_repeats: given.numRepeats ?? 1,
            ...(isByMetadata && { metadata_file: `${workspaceDir}/${METADATA_FILE}` }),
            ...(!isByMetadata && classTokens && { class_tokens: classTokens }),
          },
        ],
      },
    ],
  };
};

export const classTokensOf = ({ dataset }: TrainingSpec, { given }: KohyaSettings): string | undefined =>
  given.classTokens ?? (dataset.triggerWord ? oneLine(dataset.triggerWord) || undefined : undefined);

const metadataFile = (
  spec: TrainingSpec,
  { workspaceDir }: PlanContext,
  settings: KohyaSettings,
  images: readonly (DatasetImage & { name: string })[],
): Plan['files'][number] => {
  const fallback = classTokensOf(spec, settings) ?? '';
  const entries = images.map(({ name, path, caption, width, height }) => [
    `${workspaceDir}/${name}${extensionOf(path)}`,
    { caption: oneLine(caption) || fallback, image_size: [width, height] },
  ]);
  return { path: METADATA_FILE, content: `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n` };
};
