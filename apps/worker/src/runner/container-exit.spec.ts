import { describe, expect, it } from '@jest/globals';
import { explainExit } from '@influencerai/trainers';
import { exitOf, lastWords } from './container-exit.js';

const state = { isRunning: false, exitCode: 137, isOutOfMemory: true };

describe('exitOf', () => {
  it.each([
    [0, { exitCode: 0, signal: null }],
    [1, { exitCode: 1, signal: null }],
    [127, { exitCode: 127, signal: null }],
    [128, { exitCode: 128, signal: null }],
    [134, { exitCode: null, signal: 'SIGABRT' }],
    [137, { exitCode: null, signal: 'SIGKILL' }],
    [139, { exitCode: null, signal: 'SIGSEGV' }],
    [143, { exitCode: null, signal: 'SIGTERM' }],
    [255, { exitCode: 255, signal: null }],
  ])('should understand %d', (code, exit) => {
    expect(exitOf(code)).toEqual(exit);
  });
});

describe('lastWords', () => {
  it('should let the failure be explained as too little memory', () => {
    const tail = [lastWords(state, '8g')!];
    expect(explainExit({ ...exitOf(137), tail, events: [] })).toMatchObject({
      code: 'trainer_out_of_memory',
      error: expect.stringContaining('8g'),
    });
  });

  it('should say nothing where the engine saw nothing', () => {
    expect(lastWords({ ...state, isOutOfMemory: false }, '8g')).toBeUndefined();
    expect(lastWords(undefined, undefined)).toBeUndefined();
  });
});
