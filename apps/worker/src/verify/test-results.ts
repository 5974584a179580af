import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';
import type { Check } from './check.js';

const TestResultsSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string(),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          duration: z.number().nullish(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
});

type FileResult = z.infer<typeof TestResultsSchema>['testResults'][number];

/** What Jest wrote with `--json`, of the tests below one title; a file that could not run is one check that failed. */
export const readTestResults = (json: string, title: string): Check[] => {
  const { testResults } = TestResultsSchema.parse(JSON.parse(json));
  const checks = testResults.flatMap((file) => checksOf(file, title));
  return checks.length > 0 ? checks : [{ part: 'run', name: title, outcome: 'failed', problem: 'No test was found.' }];
};

const checksOf = ({ name, status, message, assertionResults }: FileResult, title: string): Check[] => {
  const checks = assertionResults
    .filter(({ fullName }) => fullName.toLowerCase().startsWith(title))
    .map((test): Check => {
      const seconds = Math.round((test.duration ?? 0) / 100) / 10;
      const base = { part: 'run', name: test.fullName, seconds } as const;
      if (test.status === 'passed') return { ...base, outcome: 'passed' };
      if (test.status !== 'failed') return { ...base, outcome: 'skipped', problem: 'It was skipped.' };
      return { ...base, outcome: 'failed', problem: firstLine(test.failureMessages?.[0] ?? '') };
    });
  if (checks.length > 0 || status !== 'failed') return checks;
  return [{ part: 'run', name, outcome: 'failed', problem: firstLine(message) }];
};

const firstLine = (text: string): string => {
  const lines = stripVTControlCharacters(text).split('\n');
  return lines.map((line) => line.trim()).find((line) => line !== '') ?? 'It did not say why.';
};
