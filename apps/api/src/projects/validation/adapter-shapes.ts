import { z } from 'zod';
import type { StoredTensor } from './safetensors-header.js';

/** What `adapter_config.json` promises of the weights. */
const AdapterConfigSchema = z.looseObject({
  r: z.int().min(1),
  target_modules: z.union([z.array(z.string()), z.string()]).nullish(),
  rank_pattern: z.record(z.string(), z.int()).nullish(),
});
export type AdapterConfig = z.infer<typeof AdapterConfigSchema>;

/** The two halves of a layer's adapter, as PEFT and as kohya name them; `.default` is the name of PEFT's adapter. */
const HALVES = [
  { down: /^(.+)\.lora_A(\.[^.]+)?\.weight$/, up: 'lora_B' },
  { down: /^(.+)\.lora_down()\.weight$/, up: 'lora_up' },
];

/** A configuration that says something else than how an adapter is made. */
export class AdapterConfigError extends Error {
  override readonly name = 'AdapterConfigError';
}

/** @throws AdapterConfigError, SyntaxError */
export function readAdapterConfig(text: string): AdapterConfig {
  const parsed = AdapterConfigSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AdapterConfigError(`${issue?.path.join('.')}: ${issue?.message}`);
}

/**
 * What is wrong with the shapes of an adapter: halves that do not fit each other, or others than its configuration
 * promises. Weights without any adapter are whole ones, which a configuration must not speak of.
 */
export function problemsOfShapes(tensors: readonly StoredTensor[], config: AdapterConfig | undefined): string[] {
  const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]));
  const layers = tensors.flatMap(({ name, shape }) => layerOf(name, shape) ?? []);
  if (layers.length === 0) return config ? ['It holds no adapter, which adapter_config.json promises.'] : [];
  return layers.flatMap((layer) => problemsOfLayer(layer, shapes.get(layer.up), config));
}

interface Layer {
  module: string;
  rank: number;
  /** The name of the other half. */
  up: string;
}

function layerOf(name: string, [rank = 0]: number[]): Layer | undefined {
  for (const half of HALVES) {
    const [, module, adapter = ''] = half.down.exec(name) ?? [];
    if (module !== undefined) return { module, rank, up: `${module}.${half.up}${adapter}.weight` };
  }
  return undefined;
}

function problemsOfLayer(
  { module, rank, up }: Layer,
  upShape: number[] | undefined,
  config: AdapterConfig | undefined,
) {
  if (!upShape) return [`${up} is missing.`];
  const problems: string[] = [];
  if (upShape[1] !== rank) problems.push(`${module} has the ranks ${rank} and ${upShape[1]}.`);
  if (!config) return problems;
  const isPatterned = Object.keys(config.rank_pattern ?? {}).length > 0;
  if (!isPatterned && rank !== config.r) problems.push(`${module} has the rank ${rank}, and r is ${config.r}.`);
  const { target_modules: targets } = config;
  const isTarget = !Array.isArray(targets) || targets.some((target) => `.${module}`.endsWith(`.${target}`));
  if (!isTarget) problems.push(`${module} is none of target_modules.`);
  return problems;
}
