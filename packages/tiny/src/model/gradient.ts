import { jit, type numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import type { Numbers, Tensors } from '../safetensors.js';
import type { StepResult } from '../training/learner.js';
import { readNumbers, toWeights } from './arrays.js';
import type { Weights } from './layers.js';

type Arrays = Record<string, np.Array>;
type Loss<Batch extends Arrays> = (trained: Weights, frozen: Weights, batch: Batch) => np.Array;

/**
 * Compile a loss into "value and gradient with respect to `trained`". Every argument of the loss is consumed.
 * The returned function borrows `frozen` and consumes the batch.
 */
export const compileGradient = <Batch extends Arrays>(loss: Loss<Batch>) => {
  // The library's tree types do not follow a type parameter.
  const untyped = loss as (trained: Weights, frozen: Weights, batch: Arrays) => np.Array;
  const compiled = jit((trained: Weights, frozen: Weights, batch: Arrays) =>
    valueAndGrad(untyped)(trained, frozen, batch),
  );
  return async (trained: Tensors, frozen: Weights, batch: Batch): Promise<StepResult> => {
    const [value, arrays] = compiled(toWeights(trained), tree.ref(frozen), batch) as [np.Array, Weights];
    const gradients: Record<string, Numbers> = {};
    for (const [name, array] of Object.entries(arrays)) gradients[name] = await readNumbers(array);
    return { loss: (await readNumbers(value))[0] as number, gradients };
  };
};
