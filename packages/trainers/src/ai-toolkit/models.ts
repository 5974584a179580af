import { AppError, type TrainingSpec } from '@influencerai/shared';
import { isAbsolute } from 'node:path/posix';
import type { PlanContext } from '../trainer.js';
import { ARCHS, UNSUITED_ARCHS, type Arch } from './archs.js';
import { unsupported } from './parameters.js';

/** The base that is trained. */
export interface Base {
  archName: string;
  arch: Arch;
  /** File, folder or hub id; never what a tenant wrote, since the trainer runs code that it finds there. */
  path: string;
  isLocal: boolean;
  quantize: boolean;
  lowVram: boolean;
}

interface PublicModel {
  arch: string;
  path: string;
}

/** Hub ids that the trainer itself proposes (ostris/ai-toolkit: ui/src/app/jobs/new/options.tsx). */
const PUBLIC_MODELS: readonly PublicModel[] = [
  { arch: 'sd1', path: 'stable-diffusion-v1-5/stable-diffusion-v1-5' },
  { arch: 'sdxl', path: 'stabilityai/stable-diffusion-xl-base-1.0' },
  { arch: 'flux', path: 'black-forest-labs/FLUX.1-dev' },
  { arch: 'flux_kontext', path: 'black-forest-labs/FLUX.1-Kontext-dev' },
  { arch: 'flux2', path: 'black-forest-labs/FLUX.2-dev' },
  { arch: 'flux2_klein_4b', path: 'black-forest-labs/FLUX.2-klein-base-4B' },
  { arch: 'flux2_klein_9b', path: 'black-forest-labs/FLUX.2-klein-base-9B' },
  { arch: 'flex1', path: 'ostris/Flex.1-alpha' },
  { arch: 'flex2', path: 'ostris/Flex.2-preview' },
  { arch: 'chroma', path: 'lodestones/Chroma1-Base' },
  { arch: 'lumina2', path: 'Alpha-VLLM/Lumina-Image-2.0' },
  { arch: 'omnigen2', path: 'OmniGen2/OmniGen2' },
  { arch: 'qwen_image', path: 'Qwen/Qwen-Image' },
  { arch: 'qwen_image', path: 'Qwen/Qwen-Image-2512' },
  { arch: 'hidream', path: 'HiDream-ai/HiDream-I1-Full' },
  { arch: 'hidream_o1', path: 'HiDream-ai/HiDream-O1-Image' },
  { arch: 'anima', path: 'circlestone-labs/Anima-Base-v1.0-Diffusers' },
  { arch: 'ernie_image', path: 'baidu/ERNIE-Image' },
  { arch: 'krea2', path: 'krea/Krea-2-Raw' },
  { arch: 'krea2:turbo', path: 'krea/Krea-2-Turbo' },
  { arch: 'nucleus_image', path: 'NucleusAI/Nucleus-Image' },
  { arch: 'wan21', path: 'Wan-AI/Wan2.1-T2V-1.3B-Diffusers' },
  { arch: 'wan21', path: 'Wan-AI/Wan2.1-T2V-14B-Diffusers' },
  { arch: 'wan22_5b', path: 'Wan-AI/Wan2.2-TI2V-5B-Diffusers' },
  { arch: 'wan22_14b', path: 'ai-toolkit/Wan2.2-T2V-A14B-Diffusers-bf16' },
  { arch: 'zimage', path: 'Tongyi-MAI/Z-Image' },
  { arch: 'zimage:turbo', path: 'Tongyi-MAI/Z-Image-Turbo' },
  { arch: 'zimage:deturbo', path: 'ostris/Z-Image-De-Turbo' },
  { arch: 'boogu_image', path: 'Boogu/Boogu-Image-0.1-Base' },
  { arch: 'mageflow', path: 'microsoft/Mage-Flow-Base' },
  { arch: 'prx_pixel', path: 'Photoroom/prxpixel-t2i' },
];

/**
 * Finds the base by the operator's registry, else among the public models, by the whole hub id or its last part.
 * @throws AppError `model_unavailable`, `spec_unsupported`
 */
export const baseFor = ({ baseModel }: TrainingSpec, { model: entry }: Pick<PlanContext, 'model'>): Base => {
  if (entry && entry.trainer !== 'ai-toolkit') {
    throw unavailable(baseModel, `models.yaml sets it up for ${entry.trainer}, not for ai-toolkit`);
  }
  const known = entry ? { arch: entry.arch, path: entry.model } : publicModel(baseModel);
  if (!known) throw unavailable(baseModel, ENTRY_NEEDED);
  const arch = archFor(known.arch);
  return {
    archName: known.arch,
    arch,
    path: known.path,
    isLocal: isAbsolute(known.path),
    quantize: entry?.quantize ?? arch.quantize,
    lowVram: entry?.lowVram ?? arch.lowVram,
  };
};

const ENTRY_NEEDED =
  'models.yaml has no entry for it; one with trainer: ai-toolkit, arch and model (file, folder or hub id) is needed';

const publicModel = (name: string): PublicModel | undefined => {
  const wanted = name.trim().toLowerCase();
  return PUBLIC_MODELS.find(({ path }) => {
    const id = path.toLowerCase();
    return id === wanted || id.split('/').at(-1) === wanted;
  });
};

const archFor = (name: string): Arch => {
  if (Object.hasOwn(ARCHS, name)) return ARCHS[name]!;
  if (Object.hasOwn(UNSUITED_ARCHS, name)) {
    throw unsupported(`the architecture "${name}" is not trained here: ${UNSUITED_ARCHS[name]}.`);
  }
  throw unsupported(`the architecture "${name}" is none of ${Object.keys(ARCHS).join(', ')}.`);
};

const unavailable = (model: string, reason: string): AppError => new AppError('model_unavailable', { model, reason });
