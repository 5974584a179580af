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

  it('should not take it for one that its launcher ended the others', () => {
    const line = 'W1121 10:00:00 api.py:900] Sending process 1205 closing signal SIGTERM';
    expect(explainFailure(exit(line)).code).toBe('trainer_crashed');
  });
});
