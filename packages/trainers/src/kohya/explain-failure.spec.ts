import { describe, expect, it } from '@jest/globals';
import { explainFailure } from './explain-failure.js';

const exit = (line: string, exitCode = 1) => ({ exitCode, signal: null, tail: ['a', line, 'b'], events: [] });

describe(explainFailure, () => {
  it.each([
    ['torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.', 'trainer_out_of_memory'],
    ['torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB', 'trainer_out_of_memory'],
    ['RuntimeError: CUDA error: out of memory', 'trainer_out_of_memory'],
    ['RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`', 'trainer_out_of_memory'],
    [
      "RuntimeError: [enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory",
      'trainer_out_of_memory',
    ],
    ['ImportError: No bitsandbytes / bitsandbytesがインストールされていないようです', 'spec_unsupported'],
    ["voluptuous.error.MultipleInvalid: extra keys not allowed @ data['datasets'][0]['x']", 'internal'],
    ["UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0", 'dataset_unreadable'],
    ['PIL.UnidentifiedImageError: cannot identify image file', 'dataset_unreadable'],
    ['AssertionError: max_train_steps should be greater than initial step / : 24 vs 24', 'trainer_crashed'],
    ['OSError: [Errno 28] No space left on device', 'trainer_crashed'],
    ['RuntimeError: NaN detected in latents: /ws/0001.png', 'loss_not_finite'],
    ['AssertionError: Cannot swap more than 22 blocks. Requested: 30 blocks.', 'spec_unsupported'],
    ['KeyError: 5', 'trainer_crashed'],
  ])('should explain %p as %s', (line, code) => {
    const failure = explainFailure(exit(line));
    expect(failure.code).toBe(code);
    expect(failure.error).not.toBe('');
  });

  it('should not take the end of a run without pictures for a good one', () => {
    const failure = explainFailure(exit('No data found. Please verify arguments (train_data_dir must be …)', 0));
    expect(failure).toMatchObject({ code: 'dataset_unreadable', hint: expect.any(String) });
  });

  it('should look behind what the launcher says last', () => {
    const tail = ['ValueError: odd', "subprocess.CalledProcessError: Command '[…]' returned non-zero exit status 1."];
    expect(explainFailure({ exitCode: 1, signal: null, tail, events: [] }).error).toContain('ValueError: odd');
  });

  it('should pass on what the driver said', () => {
    const events = [{ event: 'error' as const, code: 'loss_diverged', message: 'It grew.' }];
    expect(explainFailure({ ...exit('MemoryError'), events })).toMatchObject({ code: 'loss_diverged' });
  });

  it('should say that the final file is missing', () => {
    expect(explainFailure({ ...exit('done', 0), tail: [] }).code).toBe('trainer_output_missing');
  });
});
