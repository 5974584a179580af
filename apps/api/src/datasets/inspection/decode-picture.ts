import { availableParallelism } from 'node:os';
import sharp from 'sharp';
import { Semaphore } from './semaphore.js';

const MAX_PIXELS = 100_000_000;

// Pictures come from tenants: only three loaders may touch them, none of which reads other files (SVG would).
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: ['VipsForeignLoadJpeg', 'VipsForeignLoadPng', 'VipsForeignLoadWebp'] });
sharp.cache(false);
sharp.concurrency(1);

/** A core stays free for requests, and one of libuv's four threads, in which libvips works, for files. */
const decoding = new Semaphore(Math.min(3, Math.max(1, availableParallelism() - 1)));

export type PictureFormat = 'png' | 'jpeg' | 'webp';

export interface DecodedPicture {
  width: number;
  height: number;
}

/** The format by the first bytes, whatever the name says. */
export function sniffFormat(content: Buffer): PictureFormat | undefined {
  if (content.subarray(0, 8).equals(PNG_SIGNATURE)) return 'png';
  if (content.subarray(0, 3).equals(JPEG_START)) return 'jpeg';
  if (content.toString('latin1', 0, 4) === 'RIFF' && content.toString('latin1', 8, 12) === 'WEBP') return 'webp';
  return undefined;
}

/**
 * Decodes every pixel of a picture, so that damage anywhere in it shows, and keeps none.
 * @throws Error when it is damaged, animated or has too many pixels
 */
export const decodePicture = (content: Buffer): Promise<DecodedPicture> =>
  decoding.run(async () => {
    const { width, height, orientation = 1, pages = 1 } = await sharp(content, { limitInputPixels: false }).metadata();
    // Trainers would take the first frame, or fail on the run's first step.
    if (pages > 1) throw new Error(`it is animated, with ${pages} frames`);
    if (width * height > MAX_PIXELS)
      throw new Error(`it has ${width}x${height} pixels, more than ${MAX_PIXELS / 1e6} million`);
    // Shrinking to a few pixels, but only after decoding, reads all of them and needs no memory for the whole.
    const picture = sharp(content, { limitInputPixels: MAX_PIXELS, failOn: 'error', sequentialRead: true });
    await picture.resize(8, 8, { fit: 'fill', fastShrinkOnLoad: false }).raw().toBuffer();
    // Orientations from 5 on stand on their side.
    return orientation >= 5 ? { width: height, height: width } : { width, height };
  });

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const JPEG_START = Buffer.from([0xff, 0xd8, 0xff]);
