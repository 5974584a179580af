import { describe, expect, it } from '@jest/globals';
import { findTrainer, implementedTrainers } from './registry.js';

const exit = (line: string) => ({ exitCode: 1, signal: null, tail: ['a', line, 'RuntimeError: b'], events: [] });

describe.each(implementedTrainers())('explainFailure of %s', (id) => {
  const { explainFailure } = findTrainer(id)!;

  it.each([
    'E1121 10:00:00 api.py:874] failed (exitcode: -9) local_rank: 1 (pid: 1204) of binary: /opt/venv/bin/python',
    'RuntimeError: DataLoader worker (pid 2112) is killed by signal: Killed. ',
  ])('should take it for a lack of memory that one of its processes was killed: %s', (line) => {
    expect(explainFailure(exit(line))).toMatchObject({
      code: 'trainer_out_of_memory',
      error: expect.stringContaining('The host ran out of memory'),
    });
  });

  it.each([
    'safetensors_rust.SafetensorError: Error while serializing: IoError(Os { code: 28, kind: StorageFull, message: "No space left on device" })',
    'OSError: [Errno 28] No space left on device: "output/x.safetensors"',
    'OSError: [Errno 122] Disk quota exceeded',
    'RuntimeError: PytorchStreamWriter failed writing file data/17: file write failed',
    'RuntimeError: [enforce fail at inline_container.cc:664] . unexpected pos 640 vs 534',
  ])('should take it for a fault of the host that its disk is full: %s', (line) => {
    expect(explainFailure(exit(line))).toMatchObject({ error: 'The disk of the worker is full.', isOfHost: true });
  });

  it.each(['ENOSPC: no space left on device, write', 'database or disk is full'])(
    'should take the word of the trainer for a full disk: %s',
    (message) => {
      const events = [{ event: 'error' as const, code: 'trainer_crashed', message }];
      expect(explainFailure({ ...exit('b'), events })).toMatchObject({ isOfHost: true });
    },
  );

  it('should believe the reason that the trainer names before anything else', () => {
    const events = [{ event: 'error' as const, code: 'loss_not_finite', message: 'The loss became nan.' }];
    const failure = explainFailure({ ...exit('OSError: [Errno 28] No space left on device'), events });
    expect(failure).toEqual({ code: 'loss_not_finite', error: 'The loss became nan.', hint: undefined });
  });

  it('should not take a base model that cannot be read for a full disk', () => {
    const line = 'RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory';
    expect(explainFailure(exit(line)).isOfHost).toBeUndefined();
  });

  it('should not take it for one that its launcher ended the others', () => {
    const line = 'W1121 10:00:00 api.py:900] Sending process 1205 closing signal SIGTERM';
    expect(explainFailure(exit(line)).code).toBe('trainer_crashed');
  });
});
