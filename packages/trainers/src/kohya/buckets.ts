export interface BucketSettings {
  resolution: number;
  enabled: boolean;
  min: number;
  max: number;
  step: number;
}

interface Size {
  width: number;
  height: number;
}

/** Sizes that kohya sorts pictures into, in its order (kohya sd-scripts: `model_util.make_bucket_resolutions`). */
export const bucketSizes = ({ resolution, min, max, step }: BucketSettings): Size[] => {
  const area = resolution * resolution;
  const square = Math.floor(Math.sqrt(area) / step) * step;
  const found = new Map([[`${square}x${square}`, { width: square, height: square }]]);
  for (let side = min; side <= max; side += step) {
    const other = Math.min(max, Math.floor(Math.floor(area / side) / step) * step);
    if (other < min) continue;
    found.set(`${side}x${other}`, { width: side, height: other });
    found.set(`${other}x${side}`, { width: other, height: side });
  }
  return [...found.values()].sort((a, b) => a.width - b.width || a.height - b.height);
};

/** Batches of an epoch: a bucket's last batch may be short (kohya sd-scripts: `train_util.BucketManager`). */
export const batchesPerEpoch = (
  pictures: readonly Size[],
  settings: BucketSettings,
  { repeats, batchSize }: { repeats: number; batchSize: number },
): number => {
  const sizes = settings.enabled ? bucketSizes(settings) : [];
  const counts = new Map<string, number>();
  for (const picture of pictures) {
    const { width, height } = sizes.length === 0 ? { width: 0, height: 0 } : select(sizes, picture);
    counts.set(`${width}x${height}`, (counts.get(`${width}x${height}`) ?? 0) + repeats);
  }
  return [...counts.values()].reduce((batches, count) => batches + Math.ceil(count / batchSize), 0);
};

/** The picture's own size if there is such a bucket, else the first whose shape is nearest. */
const select = (sizes: readonly Size[], picture: Size): Size => {
  const own = sizes.find(({ width, height }) => width === picture.width && height === picture.height);
  if (own) return own;
  const shape = picture.width / picture.height;
  const error = ({ width, height }: Size): number => Math.abs(width / height - shape);
  return sizes.reduce((best, size) => (error(size) < error(best) ? size : best));
};
