import { fileURLToPath } from 'node:url';

export { type TinyConfig, type TinyConfigInput, TinyConfigSchema } from './config.js';
export {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsFile,
  SafetensorsError,
  type Tensor,
  type Tensors,
} from './safetensors.js';

export type { ServeRequest } from './serve-once.js';

/** The program that a worker starts with `node`; the same path whether this module runs from `src` or `dist`. */
export const TINY_PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));
