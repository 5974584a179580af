import type { Kind } from '../model/base-file.js';
import type { LayerShape } from '../model/layers.js';
import type { Lora } from '../model/lora.js';
import type { Numbers } from '../safetensors.js';

export interface StepResult {
  loss: number;
  /** By tensor name of the LoRA. */
  gradients: Record<string, Numbers>;
}

/** A rendered prompt. */
export interface Sample {
  extension: 'png' | 'txt';
  content: Uint8Array;
}

/** One kind of model with its dataset: everything the loop need not know about pictures or text. */
export interface Learner {
  readonly kind: Kind;
  readonly layers: readonly LayerShape[];
  /** Pictures or rows. */
  readonly examples: number;
  /** Loss and gradients of a step; a pure function of the LoRA, the seed and the step. */
  step(lora: Lora, step: number): Promise<StepResult>;
  sample(lora: Lora, prompt: string, seed: number): Promise<Sample>;
}
