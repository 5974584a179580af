import { describe, expect, it } from '@jest/globals';
import { namesDamage } from './damage-signs.js';

describe(namesDamage, () => {
  it.each([
    '_pickle.UnpicklingError: pickle data was truncated',
    'EOFError: Ran out of input',
    'RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory',
    '[rank0]: safetensors_rust.SafetensorError: Error while deserializing header: InvalidHeaderDeserialization',
    'json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)',
    'RuntimeError: Error(s) in loading state_dict for LoRANetwork:',
    "ValueError: loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
  ])('should see it in %j', (line) => {
    expect(namesDamage(['Traceback (most recent call last):', line], [])).toBe(true);
  });

  it("should see it in the trainer's own word", () => {
    const event = { event: 'error' as const, code: 'resume_unreadable', message: 'No saved run in state/step-8.' };
    expect(namesDamage([], [event])).toBe(true);
  });

  it.each([
    'RuntimeError: CUDA error: initialization error',
    'OSError: [Errno 98] Address already in use',
    'FileNotFoundError: model.safetensors',
    'FutureWarning: torch.load uses pickle, and an UnpicklingError may follow',
  ])('should not see it in %j', (line) => {
    expect(namesDamage([line], [])).toBe(false);
  });
});
