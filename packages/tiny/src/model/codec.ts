import type { Numbers, Tensors } from '../safetensors.js';

/** Side of a picture in pixels. */
export const PICTURE_SIZE = 40;
/** Numbers of a picture: RGB in [−1, 1], row by row. */
export const PICTURE_NUMBERS = PICTURE_SIZE ** 2 * 3;

/** Pictures to latents of about unit size and back: the toy's stand-in for an autoencoder. */
export interface Codec {
  encode(pixels: Numbers): Numbers;
  decode(latent: Numbers): Numbers;
}

/**
 * Projection on principal components, "eigenfaces" (Turk & Pentland 1991). The file holds `codec.mean` [pixels],
 * `codec.basis` [latents, pixels] (orthonormal rows) and `codec.scale` [latents].
 */
export const createCodec = (tensors: Tensors): Codec => {
  const mean = part(tensors, 'codec.mean');
  const basis = part(tensors, 'codec.basis');
  const scale = part(tensors, 'codec.scale');
  const width = mean.length;

  return {
    encode: (pixels) =>
      scale.map((size, k) => {
        let sum = 0;
        for (let i = 0; i < width; i += 1)
          sum += ((pixels[i] as number) - (mean[i] as number)) * (basis[k * width + i] as number);
        return sum / size;
      }),
    decode: (latent) => {
      const pixels = mean.slice();
      latent.forEach((value, k) => {
        const amount = value * (scale[k] as number);
        for (let i = 0; i < width; i += 1)
          pixels[i] = (pixels[i] as number) + amount * (basis[k * width + i] as number);
      });
      return pixels;
    },
  };
};

const part = (tensors: Tensors, name: string): Numbers => {
  const found = tensors[name];
  if (!found) throw new Error(`codec: ${name} is missing`);
  return found.data;
};
