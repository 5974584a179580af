import { describe, expect, it } from '@jest/globals';
import { sparkline } from './demo-report.js';
import { countsLine, slowestTests } from './jest-counts-reporter.js';
import { formatLogLine } from './log-line.js';
import { describeProgress } from './progress-display.js';

const results = (overrides: object) => ({
  numPassedTests: 7,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  numRuntimeErrorTestSuites: 0,
  testResults: [],
  ...overrides,
});

describe(countsLine.name, () => {
  it('should leave out what is zero, but for failures', () => {
    expect(countsLine(results({}))).toBe('7 passed, 0 failed');
    expect(countsLine(results({ numPendingTests: 2, numTodoTests: 1 }))).toBe('7 passed, 0 failed, 3 skipped');
  });

  it('should count a file that cannot run as a failure', () => {
    expect(countsLine(results({ numFailedTests: 1, numRuntimeErrorTestSuites: 1 }))).toBe('7 passed, 2 failed');
  });
});

describe(slowestTests.name, () => {
  it('should name five, the slowest first', () => {
    const testResults = [1, 9, 3, 4, 5, 6].map((n) => ({ fullName: `t${n}`, duration: n * 1000 }));
    const lines = slowestTests(results({ testResults: [{ testFilePath: 'x', testResults }] }));
    expect(lines).toHaveLength(5);
    expect(lines[0]).toBe('    9.0 s  t9');
  });
});

describe(formatLogLine.name, () => {
  it('should read a JSON line and pass on anything else', () => {
    const line = JSON.stringify({ level: 40, time: 0, pid: 1, msg: 'slow', jobId: 'a', err: { message: 'why' } });
    expect(formatLogLine('api', line)).toMatch(/^\d\d:\d\d:\d\d api {4}warn slow \(why\) jobId=a$/);
    expect(formatLogLine('api', 'plain {')).toBe('api    plain {');
    expect(formatLogLine('api', '{broken')).toBe('api    {broken');
  });
});

describe('progress', () => {
  it('should tell step, epoch, loss and time left', () => {
    const progress = {
      currentStep: 3,
      totalSteps: 9,
      currentEpoch: 1,
      totalEpochs: 2,
      loss: 0.5,
      secondsRemaining: 7.2,
    };
    expect(describeProgress(progress)).toBe('step 3/9  epoch 1/2  loss 0.5000  8 s left');
    expect(sparkline([3, 2, 1])).toBe('█▅▁');
  });
});
