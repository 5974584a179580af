import type { Tensors } from '../safetensors.js';
import { adamwStep, clipGradients, emptyAdamState } from '../training/adamw.js';
import type { StepResult } from '../training/learner.js';

interface PretrainingOptions {
  /** Trained in place. */
  parameters: Tensors;
  steps: number;
  peakLearningRate: number;
  gradient: (parameters: Tensors, step: number) => Promise<StepResult>;
}

const WARMUP_STEPS = 100;
const AVERAGING = 0.998;
const MAX_GRADIENT_NORM = 1;
const REPORT_EVERY = 250;
const LOWEST_RATE = 0.02;

/** AdamW with warm-up and cosine decay. @returns the exponential average of the weights and the mean loss of the last steps */
export const pretrain = async ({
  parameters,
  steps,
  peakLearningRate,
  gradient,
}: PretrainingOptions): Promise<{ averaged: Tensors; loss: number }> => {
  const averaged = structuredClone(parameters);
  const state = emptyAdamState(parameters);
  let lossSum = 0;
  let loss = 0;
  for (let step = 1; step <= steps; step += 1) {
    const result = await gradient(parameters, step);
    lossSum += result.loss;
    clipGradients(result.gradients, MAX_GRADIENT_NORM);
    const progress = Math.max(0, step - WARMUP_STEPS) / Math.max(1, steps - WARMUP_STEPS);
    const decay = LOWEST_RATE + (1 - LOWEST_RATE) * 0.5 * (1 + Math.cos(Math.PI * progress));
    const learningRate = peakLearningRate * Math.min(1, step / WARMUP_STEPS) * decay;
    adamwStep({ parameters, gradients: result.gradients, state, step, learningRate, weightDecay: 0.01 });
    average(averaged, parameters, Math.min(AVERAGING, step / (step + 10)));
    if (step % REPORT_EVERY !== 0) continue;
    loss = lossSum / REPORT_EVERY;
    lossSum = 0;
    console.log(`step ${step} loss ${loss.toFixed(4)} cpu ${(process.cpuUsage().user / 1e6).toFixed(0)} s`);
  }
  return { averaged, loss };
};

const average = (averaged: Tensors, parameters: Tensors, keep: number): void => {
  for (const [name, { data }] of Object.entries(averaged)) {
    const current = parameters[name]?.data ?? data;
    for (let i = 0; i < data.length; i += 1) data[i] = keep * (data[i] as number) + (1 - keep) * (current[i] as number);
  }
};
