import { AppError, type TrainingSpec } from '@influencerai/shared';
import { z } from 'zod';
import { openPrecision } from '../map-shared.js';
import { shrunkBatch, type Batch } from '../shrunk-batch.js';
import type { HostFacts, PlanContext } from '../trainer.js';
import { parameters, type TrlParameters } from './parameters.js';

export type Method = 'lora' | 'qlora' | 'full';
export type Precision = 'bf16' | 'fp16' | 'fp32';

const DEFAULT_MAX_LENGTH = 1024;
const DEFAULT_SAMPLE_TOKENS = 64;

/** The trainer's own values, defaults filled in and checked against the host. */
export interface TrlSettings {
  method: Method;
  precision: Precision;
  targetModules: string[];
  loraDropout: number;
  useDora: boolean;
  useRslora: boolean;
  maxLength: number;
  packing: boolean;
  warmupSteps: number;
  weightDecay: number;
  maxGradNorm: number;
  gradientCheckpointing: boolean;
  sampleMaxTokens: number;
  batch: Batch;
}

/**
 * Reads what `meta` says beyond the portable entries.
 * @throws AppError `spec_unsupported`
 */
export const readParameters = ({ extra }: TrainingSpec): TrlParameters => {
  const parsed = parameters.safeParse(extra);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unsupported(`meta.${z.core.toDotPath(issue!.path)}: ${issue!.message}`);
};

/**
 * Decides what the spec leaves open.
 * @throws AppError `spec_unsupported`
 */
export const settingsFor = (spec: TrainingSpec, { host, halvings }: PlanContext): TrlSettings => {
  const read = readParameters(spec);
  const isCuda = host.device === 'cuda';
  const method = methodOf(read, host);
  return {
    method,
    precision: precisionOf(read, method, host),
    targetModules: toTargets(read.loraTargetModules),
    loraDropout: read.loraDropout ?? 0.05,
    useDora: read.useDora ?? false,
    useRslora: read.useRslora ?? false,
    maxLength: read.maxLength ?? DEFAULT_MAX_LENGTH,
    packing: read.packing ?? false,
    warmupSteps: read.warmupSteps ?? 0,
    weightDecay: read.weightDecay ?? 0,
    maxGradNorm: read.maxGradNorm ?? 1,
    gradientCheckpointing: read.gradientCheckpointing ?? isCuda,
    sampleMaxTokens: read.sampleMaxTokens ?? DEFAULT_SAMPLE_TOKENS,
    batch: shrunkBatch(spec, halvings ?? 0),
  };
};

export const unsupported = (reason: string): AppError => new AppError('spec_unsupported', { trainer: 'trl', reason });

const methodOf = ({ method, loadIn4bit }: TrlParameters, { device, hasBitsandbytes }: HostFacts): Method => {
  if (loadIn4bit && method !== undefined && method !== 'qlora') {
    throw unsupported(`meta.loadIn4bit means QLoRA, and meta.method is "${method}".`);
  }
  const wanted = method ?? (loadIn4bit ? 'qlora' : 'lora');
  if (wanted === 'qlora' && device !== 'cuda') {
    throw unsupported('QLoRA keeps the base in 4 bit, which needs a CUDA GPU; this host trains on the CPU.');
  }
  if (wanted === 'qlora' && hasBitsandbytes === false) {
    throw unsupported('QLoRA keeps the base in 4 bit, which needs bitsandbytes; this host has TRL without it.');
  }
  return wanted;
};

/**
 * TRL gives the adapter on a base in 4 bit the type bf16 (trainer/sft_trainer.py), whose gradients torch's scaler, which
 * goes with fp16, cannot unscale.
 */
const precisionOf = ({ precision = 'auto' }: TrlParameters, method: Method, host: HostFacts): Precision => {
  if (host.device !== 'cuda') return 'fp32';
  if (method === 'qlora' && precision === 'fp16') {
    throw unsupported('QLoRA trains its adapter in bf16; leave meta.precision out, or take meta.method "lora".');
  }
  if (precision !== 'auto') return precision;
  return method === 'qlora' ? 'bf16' : openPrecision(host);
};

/**
 * TRL makes a string of a list of one, and PEFT takes a string for a pattern over whole module paths (trl:
 * trainer/model_config.py; peft: tuners/tuners_utils.py). Naming a single module twice keeps the list.
 */
const toTargets = (wanted: TrlParameters['loraTargetModules']): string[] => {
  if (wanted === undefined || wanted === 'all-linear') return ['all-linear'];
  return wanted.length === 1 ? [wanted[0]!, wanted[0]!] : wanted;
};
