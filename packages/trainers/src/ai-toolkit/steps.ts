import type { TrainingSpec } from '@influencerai/shared';
import type { DatasetImage, Plan } from '../trainer.js';

interface Size {
  width: number;
  height: number;
}

/** The size that a picture is trained at (ostris/ai-toolkit: toolkit/buckets.py, toolkit/dataloader_mixins.py). */
export const bucketFor = ({ width, height }: Size, resolution: number, divisibility: number): Size => {
  const limit = resolution * resolution;
  const target = Math.min(width * height, limit);
  const scale = Math.sqrt(target / (width * height)) / divisibility;
  const [widths, heights] = [width * scale, height * scale].map((side) =>
    [Math.floor(side), Math.ceil(side)].map((cells) => cells * divisibility),
  ) as [number[], number[]];
  const candidates = widths
    .flatMap((w) => heights.map((h) => ({ width: w, height: h })))
    .filter((size) => size.width > 0 && size.height > 0 && size.width * size.height <= limit);
  const smallest = { width: Math.max(divisibility, widths[0]!), height: Math.max(divisibility, heights[0]!) };
  const distance = (size: Size): number => Math.abs(size.width * size.height - target);
  return candidates.reduce((best, size) => (distance(size) < distance(best) ? size : best), candidates[0] ?? smallest);
};

export interface Batching {
  resolutions: readonly number[];
  repeats: number;
  flipX: boolean;
  divisibility: number;
  batchSize: number;
}

/** Batches of one pass: every resolution is a data set of its own, every bucket of it ends with a padded batch. */
export const batchesPerEpoch = (images: readonly DatasetImage[], batching: Batching): number =>
  batching.resolutions
    .flatMap((resolution) => [...bucketSizes(images, resolution, batching).values()])
    .reduce((sum, files) => sum + Math.ceil(files / batching.batchSize), 0);

const bucketSizes = (
  images: readonly DatasetImage[],
  resolution: number,
  { repeats, flipX, divisibility }: Batching,
): Map<string, number> => {
  const sizes = new Map<string, number>();
  for (const image of images) {
    const { width, height } = bucketFor(image, resolution, divisibility);
    const key = `${width}x${height}`;
    sizes.set(key, (sizes.get(key) ?? 0) + repeats * (flipX ? 2 : 1));
  }
  return sizes;
};

/** The trainer knows no epochs: batches go on from one pass to the next, also within an accumulation. */
export const stepsFor = ({ training }: TrainingSpec, batches: number): Plan['steps'] => {
  const perEpoch = Math.max(1, Math.ceil(batches / training.gradientAccumulation));
  const all = Math.max(1, Math.ceil((training.epochs * batches) / training.gradientAccumulation));
  return { perEpoch, total: training.maxSteps ?? all };
};
