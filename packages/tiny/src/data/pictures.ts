import sharp from 'sharp';
import { fromPatches, PICTURE_SIZE, toPatches } from '../model/image-model.js';
import type { Numbers } from '../safetensors.js';

const DISPLAY_SIZE = 256;

/** Read a picture as patches in [−1, 1]: scaled to fit, transparent parts and margins white. */
export const readPicture = async (path: string): Promise<Numbers> => {
  const pixels = await sharp(path)
    .resize(PICTURE_SIZE, PICTURE_SIZE, { fit: 'contain', background: '#ffffff' })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  return toPatches(Float32Array.from(pixels, (value) => value / 127.5 - 1));
};

/** Patches in [−1, 1] → PNG at display size. */
export const renderPicture = (patches: Numbers): Promise<Uint8Array> => {
  const pixels = Uint8Array.from(fromPatches(patches), (value) => Math.round((Math.min(1, Math.max(-1, value)) + 1) * 127.5));
  return sharp(pixels, { raw: { width: PICTURE_SIZE, height: PICTURE_SIZE, channels: 3 } })
    .resize(DISPLAY_SIZE, DISPLAY_SIZE, { kernel: 'lanczos3' })
    .png()
    .toBuffer();
};
