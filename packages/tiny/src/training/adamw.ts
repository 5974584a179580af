import type { Numbers, Tensors } from '../safetensors.js';

export interface AdamState {
  first: Record<string, Numbers>;
  second: Record<string, Numbers>;
}

const BETA2 = 0.99;
const EPSILON = 1e-8;

export const emptyAdamState = (parameters: Tensors): AdamState => ({
  first: zerosLike(parameters),
  second: zerosLike(parameters),
});

/**
 * One AdamW step (Loshchilov & Hutter 2017, arXiv:1711.05101), in place.
 * @param step 1 for the first step, for the bias correction
 */
export const adamwStep = (options: {
  parameters: Tensors;
  gradients: Record<string, Numbers>;
  state: AdamState;
  step: number;
  learningRate: number;
  weightDecay: number;
  /** Decay of the first moment; the usual value by default. */
  beta1?: number;
}): void => {
  const { parameters, gradients, state, step, learningRate, weightDecay, beta1 = 0.9 } = options;
  const correction1 = 1 - beta1 ** step;
  const correction2 = 1 - BETA2 ** step;
  for (const [name, { data }] of Object.entries(parameters)) {
    const gradient = gradients[name] as Numbers;
    const first = state.first[name] as Numbers;
    const second = state.second[name] as Numbers;
    for (let i = 0; i < data.length; i += 1) {
      const g = gradient[i] as number;
      const m = (first[i] = beta1 * (first[i] as number) + (1 - beta1) * g);
      const v = (second[i] = BETA2 * (second[i] as number) + (1 - BETA2) * g * g);
      const update = m / correction1 / (Math.sqrt(v / correction2) + EPSILON);
      data[i] = (data[i] as number) * (1 - learningRate * weightDecay) - learningRate * update;
    }
  }
};

const zerosLike = (parameters: Tensors): Record<string, Numbers> =>
  Object.fromEntries(Object.entries(parameters).map(([name, { data }]) => [name, new Float32Array(data.length)]));

/** Scale gradients in place so that their common norm is at most `maximum` (Pascanu et al. 2013, arXiv:1211.5063). */
export const clipGradients = (gradients: Record<string, Numbers>, maximum: number): void => {
  const squares = Object.values(gradients).map((gradient) => gradient.reduce((sum, value) => sum + value * value, 0));
  const norm = Math.sqrt(squares.reduce((sum, value) => sum + value, 0));
  if (!(norm > maximum)) return;
  for (const gradient of Object.values(gradients)) {
    for (let i = 0; i < gradient.length; i += 1) gradient[i] = ((gradient[i] as number) * maximum) / norm;
  }
};
