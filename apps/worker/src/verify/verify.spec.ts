import { describe, expect, it } from '@jest/globals';
import { isVerified, type Check } from './check.js';
import { readDriverResults } from './driver-tests.js';
import { renderVerification } from './render.js';
import { readTestResults } from './test-results.js';

const TITLE = 'the real kohya';

const aTest = (fullName: string, status: string, failureMessages: string[] = []) => ({
  fullName,
  status,
  duration: 41_260,
  failureMessages,
});

const resultsOf = (...assertionResults: ReturnType<typeof aTest>[]): string =>
  JSON.stringify({ testResults: [{ name: 'kohya.int-spec.ts', status: 'passed', message: '', assertionResults }] });

describe('readTestResults', () => {
  it('should tell of each test below the title whether it passed, failed or was skipped', () => {
    const text = resultsOf(
      aTest('the real kohya should train', 'passed'),
      aTest('the real kohya, through the API should resume', 'failed', [
        '\u001b[31mError: no weights\u001b[39m\n  at x',
      ]),
      aTest('the real kohya should sample', 'pending'),
      aTest('the real TRL should train', 'pending'),
    );
    expect(readTestResults(text, TITLE)).toEqual([
      { part: 'run', name: 'the real kohya should train', outcome: 'passed', seconds: 41.3 },
      {
        part: 'run',
        name: 'the real kohya, through the API should resume',
        outcome: 'failed',
        seconds: 41.3,
        problem: 'Error: no weights',
      },
      {
        part: 'run',
        name: 'the real kohya should sample',
        outcome: 'skipped',
        seconds: 41.3,
        problem: 'It was skipped.',
      },
    ]);
  });

  it('should take a title in any case', () => {
    expect(readTestResults(resultsOf(aTest('the real TRL should train', 'passed')), 'the real trl')).toHaveLength(1);
  });

  it('should count a file that could not run as a check that failed', () => {
    const file = { name: 'kohya.int-spec.ts', status: 'failed', message: '\nSyntaxError: x\n', assertionResults: [] };
    expect(readTestResults(JSON.stringify({ testResults: [file] }), TITLE)).toEqual([
      { part: 'run', name: 'kohya.int-spec.ts', outcome: 'failed', problem: 'SyntaxError: x' },
    ]);
  });

  it('should not take no tests for tests that passed', () => {
    expect(readTestResults(resultsOf(), TITLE)).toEqual([
      { part: 'run', name: TITLE, outcome: 'failed', problem: 'No test was found.' },
    ]);
  });
});

describe('readDriverResults', () => {
  const ended = { file: 'tests/test_trl_real.py', hasFailed: false };
  const aLine = (outcome: string, problem: string | null = null, stopSeconds: number | null = null): string =>
    `${JSON.stringify({ name: 'test_obeys_budgets[lora]', outcome, seconds: 19.3, stopSeconds, problem })}\n`;
  const unfinished = {
    part: 'run',
    name: 'tests/test_trl_real.py',
    outcome: 'failed',
    problem: 'It did not run to its end.',
  };

  it('should tell how each test ended, with the first line of what is wrong', () => {
    const lines = aLine('passed') + aLine('failed', 'AssertionError: 4 == 5\n  at x') + aLine('skipped', 'No TRL.');
    const base = { part: 'run', name: 'driver: obeys budgets[lora]', seconds: 19.3 };
    expect(readDriverResults(lines, { ...ended, hasFailed: true })).toEqual([
      { ...base, outcome: 'passed' },
      { ...base, outcome: 'failed', problem: 'AssertionError: 4 == 5' },
      { ...base, outcome: 'skipped', problem: 'No TRL.' },
    ]);
  });

  it('should tell how long a stop took where one was tried', () => {
    expect(readDriverResults(aLine('passed', null, 0.42), ended)).toEqual([
      { part: 'run', name: 'driver: obeys budgets[lora]', outcome: 'passed', seconds: 19.3, stopSeconds: 0.42 },
    ]);
  });

  it('should not take no tests for tests that passed', () => {
    expect(readDriverResults('', ended)).toEqual([unfinished]);
  });

  it('should notice a run that broke off', () => {
    expect(readDriverResults(aLine('passed'), { ...ended, hasFailed: true })).toContainEqual(unfinished);
  });
});

const passed: Check = { part: 'configuration', name: 'sdxl', outcome: 'passed' };
const stopped: Check = { part: 'run', name: 'aborts', outcome: 'passed', seconds: 19.3, stopSeconds: 0.42 };
const skipped: Check = { part: 'run', name: 'trains', outcome: 'skipped', seconds: 12, problem: 'It was skipped.' };
const failed: Check = { part: 'options', name: 'options.generated.json', outcome: 'failed', problem: 'Other names.' };

describe('isVerified', () => {
  it.each([
    [[passed], true],
    [[passed, skipped], false],
    [[passed, failed], false],
    [[], false],
  ])('should take %j for %s', (checks, expected) => expect(isVerified(checks)).toBe(expected));
});

describe('renderVerification', () => {
  it('should list every check with what is wrong under it, and count them', () => {
    const facts = {
      trainer: 'kohya',
      version: '48d368fa557731ad',
      python: '3.11.7',
      torch: '2.9.1',
      isVerified: false,
    };
    expect(renderVerification({ ...facts, checks: [failed, passed, stopped, skipped] })).toBe(
      [
        '✗ options        options.generated.json',
        '                 → Other names.',
        '✓ configuration  sdxl',
        '✓ run            aborts (19.3 s, stopped in 0.42 s)',
        '✗ run            trains (12 s)',
        '                 → It was skipped.',
        '',
        'kohya 48d368fa5577, Python 3.11.7, torch 2.9.1: 2 of 4 checks passed, 1 failed, 1 skipped.',
        '',
      ].join('\n'),
    );
  });
});
