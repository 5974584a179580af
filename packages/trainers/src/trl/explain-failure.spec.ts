import { describe, expect, it } from '@jest/globals';
import { explainFailure } from './explain-failure.js';

const exit = (...tail: string[]) => ({ exitCode: 1, signal: null, tail, events: [] });

describe('explainFailure', () => {
  it.each([
    'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.68 GiB',
    'torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB',
    'RuntimeError: CUDA error: out of memory',
    'RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`',
    "RuntimeError: [enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4294967296 bytes.",
    'MemoryError',
  ])('should know %p for a lack of memory', (line) => {
    const failure = explainFailure(exit('Traceback (most recent call last):', line));
    expect(failure).toMatchObject({ code: 'trainer_out_of_memory', error: line });
    expect(failure.hint).toContain('batchSize');
  });

  it.each([
    ['ImportError: Using `bitsandbytes` 4-bit quantization requires bitsandbytes', 'trainer_unavailable'],
    ["ValueError: Your setup doesn't support bf16/gpu. You need to assign use_cpu", 'spec_unsupported'],
    ['ValueError: Cannot use chat template functions because tokenizer.chat_template is not set', 'model_unavailable'],
    ["ValueError: Target modules {'x'} not found in the base model.", 'spec_unsupported'],
    ["OSError: We couldn't connect to 'https://huggingface.co' to load the files", 'model_unavailable'],
    ["KeyError: 'text'", 'dataset_unreadable'],
    [
      'datasets.exceptions.DatasetGenerationError: An error occurred while generating the dataset',
      'dataset_unreadable',
    ],
    ['ValueError: num_samples should be a positive integer value, but got num_samples=0', 'dataset_unreadable'],
  ])('should explain %p as %s', (line, code) => {
    expect(explainFailure(exit('  File "x.py", line 1', line))).toMatchObject({ code, hint: expect.any(String) });
  });

  it('should believe the driver before any line', () => {
    const events = [{ event: 'error' as const, code: 'loss_not_finite', message: 'The loss became nan.', hint: 'h' }];
    expect(explainFailure({ ...exit("KeyError: 'text'"), events })).toEqual({
      code: 'loss_not_finite',
      error: 'The loss became nan.',
      hint: 'h',
    });
  });

  it('should leave the rest to what is true of any trainer', () => {
    expect(explainFailure({ ...exit(), exitCode: 0 }).code).toBe('trainer_output_missing');
    expect(explainFailure({ ...exit(), exitCode: null, signal: 'SIGKILL' }).hint).toContain('memory');
    expect(explainFailure(exit('ValueError: no idea')).error).toContain('no idea');
  });
});
