interface TestResult {
  fullName: string;
  duration?: number | null;
}

/** The part of Jest's results that is read here. */
interface RunResults {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  numRuntimeErrorTestSuites: number;
  testResults: { testFilePath: string; testResults: TestResult[] }[];
}

const SLOWEST = 5;

/** `12 passed, 0 failed`, with `, 3 skipped` where there are some. A file that cannot run counts as one failed test. */
export const countsLine = (results: RunResults): string => {
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  const skipped = results.numPendingTests + results.numTodoTests;
  return `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
};

export const slowestTests = (results: RunResults): string[] => {
  const tests = results.testResults.flatMap((file) => file.testResults);
  const slow = tests.sort((a, b) => (b.duration ?? 0) - (a.duration ?? 0)).slice(0, SLOWEST);
  return slow.map((test) => `  ${((test.duration ?? 0) / 1000).toFixed(1).padStart(5)} s  ${test.fullName}`);
};

/** Jest reporter: the slowest tests and the counts, as the last lines of a run. */
export default class CountsReporter {
  onRunComplete(_contexts: unknown, results: RunResults): void {
    const slow = slowestTests(results);
    const heading = slow.length > 0 ? ['', 'Slowest tests:', ...slow, ''] : [''];
    // Jest adds its own summary behind every reporter.
    process.once('exit', () => process.stdout.write(`${[...heading, countsLine(results)].join('\n')}\n`));
  }
}
