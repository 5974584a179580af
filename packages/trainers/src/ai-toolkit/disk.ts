import type { DatasetImage } from '../trainer.js';
import { workerCopies } from '../worker-copies.js';
import type { Settings } from './settings.js';

const MIB = 1024 * 1024;
/** Logs, pictures of samples, the trainer's small files. */
const FIXED_BYTES = 64 * MIB;
/** Latents have an eighth of the sides and, counted generously, 16 channels of 4 bytes. */
const LATENT_BYTES_PER_PIXEL = 1;
/** Three colours of 4 bytes. */
const COLOUR_BYTES_PER_PIXEL = 12;
const EMBEDDING_BYTES = 8 * MIB;
/** Parameters that one rank adds, about: a U-Net has narrow layers, a transformer wide and many ones. */
const PARAMETERS_PER_RANK = { unet: 1_500_000, transformer: 11_000_000 };
/** A state holds full weights and two moments of the optimizer, and two states are kept. */
const STATE_BYTES_PER_PARAMETER = 12;
const STATES = 3;

/** Estimate of what the workspace grows to. */
export const diskBytesFor = (images: readonly DatasetImage[], settings: Settings): number => {
  const { network, base, saveEvery, steps } = settings;
  const perRank = base.arch.isTransformer ? PARAMETERS_PER_RANK.transformer : PARAMETERS_PER_RANK.unet;
  const parameters = (network.dim + (network.conv?.dim ?? 0)) * perRank;
  const checkpoints = Math.floor(steps.total / saveEvery) + 1;
  const weights = parameters * (settings.savePrecision === 'fp32' ? 4 : 2);
  const state = parameters * STATE_BYTES_PER_PARAMETER;
  const files = FIXED_BYTES + weights * checkpoints + state * STATES + cacheBytes(images, settings);
  return files + workerCopies({ state, weights });
};

const cacheBytes = (images: readonly DatasetImage[], { base, read, resolutions }: Settings): number => {
  const pixels = resolutions.reduce((sum, side) => sum + side * side, 0);
  const perPixel = base.arch.isPixelSpace ? COLOUR_BYTES_PER_PIXEL : LATENT_BYTES_PER_PIXEL;
  const latents = (read.cacheLatentsToDisk ?? true) ? pixels * perPixel * (read.flipX ? 2 : 1) : 0;
  const embeddings = read.cacheTextEmbeddings ? EMBEDDING_BYTES * resolutions.length : 0;
  return Math.ceil(images.length * (latents + embeddings));
};
