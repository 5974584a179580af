import sharp, { type Sharp } from 'sharp';
import { PICTURE_SIZE } from '../model/codec.js';
import type { Numbers } from '../safetensors.js';

const DISPLAY_SIZE = 256;

/** Read a picture as RGB in [−1, 1]: scaled to fit, transparent parts and margins white or on a backdrop of RGB bytes. */
export const readPicture = async (path: string, backdrop?: Uint8Array): Promise<Numbers> => {
  const scaled = sharp(path).resize(PICTURE_SIZE, PICTURE_SIZE, { fit: 'contain', background: backdrop ? '#0000' : '#ffffff' });
  const flat = backdrop ? onBackdrop(await scaled.png().toBuffer(), backdrop) : scaled.flatten({ background: '#ffffff' });
  const bytes: Uint8Array = await flat.toColourspace('srgb').raw().toBuffer();
  return Float32Array.from(bytes, (value) => value / 127.5 - 1);
};

/** RGB in [−1, 1] → PNG at display size. */
export const renderPicture = (pixels: Numbers): Promise<Uint8Array> => {
  const bytes = Uint8Array.from(pixels, (value) => Math.round((Math.min(1, Math.max(-1, value)) + 1) * 127.5));
  return sharp(bytes, { raw: { width: PICTURE_SIZE, height: PICTURE_SIZE, channels: 3 } })
    .resize(DISPLAY_SIZE, DISPLAY_SIZE, { kernel: 'lanczos3' })
    .png()
    .toBuffer();
};

const onBackdrop = (figure: Uint8Array, backdrop: Uint8Array): Sharp =>
  sharp(backdrop, { raw: { width: PICTURE_SIZE, height: PICTURE_SIZE, channels: 3 } }).composite([{ input: Buffer.from(figure) }]).removeAlpha();
