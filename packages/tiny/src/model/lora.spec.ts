import { describe, expect, it } from '@jest/globals';
import type { LayerShape } from './layers.js';
import { createLora, fromLoraFile, toLoraFile } from './lora.js';

const layers: LayerShape[] = [
  { name: 'wide', inputs: 64, outputs: 32 },
  { name: 'narrow', inputs: 6, outputs: 32 },
];

describe(createLora.name, () => {
  it('should start B at zero and A at random', () => {
    const { tensors } = createLora(layers, { dim: 4, alpha: 2, seed: 1 });
    expect(tensors['wide.up']?.data.every((value) => value === 0)).toBe(true);
    expect(new Set(tensors['wide.down']?.data).size).toBeGreaterThan(200);
  });

  it('should clamp the rank to the narrower side and keep alpha / dim', () => {
    const lora = createLora(layers, { dim: 512, alpha: 256, seed: 1 });
    expect(lora.tensors['narrow.down']?.shape).toEqual([6, 6]);
    expect(lora.scales.narrow).toBe(0.5);
    expect(toLoraFile(lora)['lora_unet_narrow.alpha']?.data[0]).toBe(3);
  });
});

describe(fromLoraFile.name, () => {
  it('should reverse toLoraFile', () => {
    const lora = createLora(layers, { dim: 4, alpha: 2, seed: 1 });
    expect(fromLoraFile(toLoraFile(lora), layers)).toEqual(lora);
  });

  it('should refuse a file of another model', () => {
    const lora = createLora([layers[0] as LayerShape], { dim: 4, alpha: 2, seed: 1 });
    expect(() => fromLoraFile(toLoraFile(lora), layers)).toThrow('layer narrow');
  });
});
