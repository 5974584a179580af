import { describe, expect, it } from '@jest/globals';
import { aSpec } from '../../test/builders.js';
import { batchesPerEpoch, bucketFor, stepsFor, type Batching } from './steps.js';

const images = (...sizes: [number, number][]) =>
  sizes.map(([width, height], index) => ({ path: `/data/${index}.png`, caption: '', width, height }));

const batching = (overrides: Partial<Batching> = {}): Batching => ({
  resolutions: [512],
  repeats: 1,
  flipX: false,
  divisibility: 16,
  batchSize: 2,
  ...overrides,
});

describe(bucketFor, () => {
  // Values of `get_bucket_for_image_size` in ostris/ai-toolkit 27a03a91, toolkit/buckets.py.
  it.each([
    [96, 96, 64, 16, 64, 64],
    [96, 64, 64, 16, 64, 64],
    [1000, 600, 512, 16, 672, 384],
    [640, 480, 1024, 16, 640, 480],
    [1920, 1080, 1024, 32, 1344, 768],
    [333, 777, 768, 8, 328, 784],
    [100, 4000, 512, 32, 64, 3264],
    [10, 10, 512, 16, 16, 16],
    [3000, 2000, 1536, 16, 1888, 1248],
    [1023, 1025, 1024, 64, 1024, 1024],
  ])('should give %dx%d at %d by %d the size %dx%d', (width, height, side, grain, toWidth, toHeight) => {
    expect(bucketFor({ width, height }, side, grain)).toEqual({ width: toWidth, height: toHeight });
  });
});

describe(batchesPerEpoch, () => {
  it('should end each size with a batch of its own', () => {
    expect(batchesPerEpoch(images([512, 512], [512, 512], [512, 512], [768, 512]), batching())).toBe(3);
  });

  it('should go through the pictures once for each resolution', () => {
    const pictures = images([1024, 1024], [1024, 1024], [1024, 1024]);
    expect(batchesPerEpoch(pictures, batching({ resolutions: [512, 768, 1024] }))).toBe(6);
  });

  it('should agree with a loader that the trainer itself made in a real run', () => {
    const sizes = [0, 1, 2, 0, 1, 2, 0, 1].map(
      (kind) =>
        [
          [96, 96],
          [96, 64],
          [64, 96],
        ][kind] as [number, number],
    );
    expect(batchesPerEpoch(images(...sizes), batching({ resolutions: [64, 96], repeats: 3, batchSize: 3 }))).toBe(16);
  });

  it('should repeat before it batches, and count mirrored pictures', () => {
    expect(batchesPerEpoch(images([512, 512]), batching({ repeats: 5 }))).toBe(3);
    expect(batchesPerEpoch(images([512, 512]), batching({ repeats: 5, flipX: true }))).toBe(5);
  });
});

describe(stepsFor, () => {
  it('should count epochs out, and carry an accumulation over from one to the next', () => {
    const spec = aSpec({ training: { epochs: 3, gradientAccumulation: 2 } });
    expect(stepsFor(spec, 3)).toEqual({ perEpoch: 2, total: 5 });
  });

  it('should let maxSteps decide', () => {
    expect(stepsFor(aSpec({ training: { maxSteps: 7 } }), 3)).toEqual({ perEpoch: 3, total: 7 });
  });
});
