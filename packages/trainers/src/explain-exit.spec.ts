import { describe, expect, it } from '@jest/globals';
import { explainExit } from './explain-exit.js';
import type { TrainerExit } from './trainer.js';

const anExit = (overrides: Partial<TrainerExit>): TrainerExit => ({
  exitCode: 1,
  signal: null,
  tail: [],
  events: [],
  ...overrides,
});

describe('explainExit', () => {
  it("should prefer the trainer's own words", () => {
    const events = [
      { event: 'error', code: 'loss_not_finite', message: 'The loss is NaN.', hint: 'Lower it.' },
    ] as const;
    expect(explainExit(anExit({ events, tail: ['out of memory'] }))).toEqual({
      code: 'loss_not_finite',
      error: 'The loss is NaN.',
      hint: 'Lower it.',
    });
  });

  it('should not invent codes', () => {
    const events = [{ event: 'error', code: 'toString', message: 'Odd.' }] as const;
    expect(explainExit(anExit({ events })).code).toBe('trainer_crashed');
  });

  it('should recognise a lack of memory', () => {
    const tail = ['loading', 'CUDA out of memory: tried to allocate 2.00 GiB', 'bye'];
    expect(explainExit(anExit({ tail }))).toMatchObject({
      code: 'trainer_out_of_memory',
      error: 'CUDA out of memory: tried to allocate 2.00 GiB',
    });
  });

  it('should name the signal', () => {
    expect(explainExit(anExit({ exitCode: null, signal: 'SIGKILL' }))).toMatchObject({
      code: 'trainer_crashed',
      error: expect.stringContaining('SIGKILL'),
      hint: expect.stringContaining('memory'),
    });
  });

  it('should quote the last error line', () => {
    const failure = explainExit(
      anExit({ tail: ["TypeError: Cannot read properties of undefined (reading 'x')", '    at a.js:1'] }),
    );
    expect(failure.error).toContain('exit code 1: TypeError: Cannot read');
  });

  it.each([
    'safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge',
    'torch.distributed.DistStoreError: Timed out after 601 seconds',
  ])('should quote an error with the name of its module: %s', (line) => {
    expect(explainExit(anExit({ tail: [line, 'bye'] })).error).toContain(`exit code 1: ${line}`);
  });

  it('should look behind what a launcher says last', () => {
    const tail = [
      'ValueError: odd',
      'torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ',
      "subprocess.CalledProcessError: Command '[…]' returned non-zero exit status 1.",
    ];
    expect(explainExit(anExit({ tail })).error).toContain('ValueError: odd');
  });

  it('should not trust an exit code of 0', () => {
    expect(explainExit(anExit({ exitCode: 0 })).code).toBe('trainer_output_missing');
  });
});
