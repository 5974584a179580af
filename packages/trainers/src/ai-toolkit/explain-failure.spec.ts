import { describe, expect, it } from '@jest/globals';
import type { TrainerExit } from '../trainer.js';
import { explainFailure } from './explain-failure.js';

const anExit = (overrides: Partial<TrainerExit> = {}): TrainerExit => ({
  exitCode: 1,
  signal: null,
  tail: [],
  events: [],
  ...overrides,
});

describe(explainFailure, () => {
  it.each([
    ['RuntimeError: OOM during training step 3 times in a row, aborting training', 'trainer_out_of_memory'],
    ['torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.', 'trainer_out_of_memory'],
    ['torch.cuda.OutOfMemoryError: CUDA out of memory.', 'trainer_out_of_memory'],
    ['RuntimeError: CUDA error: out of memory', 'trainer_out_of_memory'],
    ["RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory", 'trainer_out_of_memory'],
    ['AssertionError: no images found in /ws/dataset', 'dataset_unreadable'],
    [
      'safetensors_rust.SafetensorError: Error while deserializing header: InvalidHeaderDeserialization',
      'trainer_crashed',
    ],
    ['RuntimeError: The trainer starts at step 0, not at the saved step 40.', 'trainer_crashed'],
    ['huggingface_hub.errors.GatedRepoError: 403 Client Error.', 'model_unavailable'],
    ['huggingface_hub.errors.LocalEntryNotFoundError: Cannot find the file', 'model_unavailable'],
    ["ModuleNotFoundError: No module named 'bitsandbytes'", 'trainer_unavailable'],
  ])('should explain %p', (line, code) => {
    const failure = explainFailure(anExit({ tail: ['Traceback (most recent call last):', line] }));
    expect(failure).toMatchObject({ code, hint: expect.stringMatching(/\.$|ai-toolkit\.$/) });
  });

  it('should not take the interrupted run for a good one', () => {
    const failure = explainFailure(anExit({ exitCode: 0, tail: ['Job stopped'] }));
    expect(failure).toMatchObject({ code: 'trainer_crashed', error: expect.stringContaining('without saving') });
  });

  it('should let what the driver said of itself go first', () => {
    const event = { event: 'error', code: 'loss_not_finite', message: 'The loss became nan.' } as const;
    const failure = explainFailure(anExit({ tail: ['CUDA out of memory'], events: [event] }));
    expect(failure).toMatchObject({ code: 'loss_not_finite', error: 'The loss became nan.' });
  });

  it('should miss the final file after a clean exit, and name a signal', () => {
    expect(explainFailure(anExit({ exitCode: 0 })).code).toBe('trainer_output_missing');
    expect(explainFailure(anExit({ exitCode: null, signal: 'SIGKILL' })).error).toContain('SIGKILL');
  });
});
