import { describe, expect, it } from '@jest/globals';
import { type AdapterConfig, problemsOfShapes } from './adapter-shapes.js';

const MODULE = 'base_model.model.layers.0.self_attn.q_proj';
const peft = (rank: number, up = rank, module = MODULE) => [
  { name: `${module}.lora_A.weight`, shape: [rank, 64] },
  { name: `${module}.lora_B.weight`, shape: [32, up] },
];
const config = (change: Partial<AdapterConfig> = {}): AdapterConfig => ({
  r: 8,
  target_modules: ['q_proj'],
  ...change,
});

describe(problemsOfShapes.name, () => {
  it.each<[string, ReturnType<typeof peft>, AdapterConfig | undefined]>([
    ['an adapter as its configuration says', peft(8), config()],
    ['one whose modules a pattern names', peft(8), config({ target_modules: 'all-linear' })],
    ['one with other ranks by pattern', peft(4), config({ rank_pattern: { q_proj: 4 } })],
    ['one without a configuration', peft(5), undefined],
    ['whole weights', [{ name: 'model.embed.weight', shape: [8, 8] }], undefined],
    [
      'an adapter as kohya names it, with convolutions',
      [
        { name: 'lora_unet_a.lora_down.weight', shape: [4, 8, 3, 3] },
        { name: 'lora_unet_a.lora_up.weight', shape: [8, 4, 1, 1] },
        { name: 'lora_unet_a.alpha', shape: [] },
      ],
      undefined,
    ],
    [
      'an adapter that PEFT gave its name',
      [
        { name: `${MODULE}.lora_A.default.weight`, shape: [8, 64] },
        { name: `${MODULE}.lora_B.default.weight`, shape: [32, 8] },
      ],
      config(),
    ],
  ])('should find nothing wrong with %s', (_, tensors, given) => {
    expect(problemsOfShapes(tensors, given)).toEqual([]);
  });

  it.each<[string, ReturnType<typeof peft>, AdapterConfig | undefined, RegExp]>([
    ['another rank than r', peft(16), config(), /has the rank 16, and r is 8/],
    ['halves of two ranks', peft(8, 4), config(), /has the ranks 8 and 4/],
    ['half an adapter', peft(8).slice(0, 1), config(), /lora_B\.weight is missing/],
    ['a module that is no target', peft(8, 8, 'model.mlp.up_proj'), config(), /up_proj is none of target_modules/],
    ['a module whose name only ends like a target', peft(8, 8, 'model.xq_proj'), config(), /none of target_modules/],
    ['no adapter', [{ name: 'a', shape: [1] }], config(), /holds no adapter/],
  ])('should find %s', (_, tensors, given, problem) => {
    expect(problemsOfShapes(tensors, given)).toEqual([expect.stringMatching(problem)]);
  });
});
