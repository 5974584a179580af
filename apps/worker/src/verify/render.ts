import { table } from '../render-table.js';
import type { Check, Verification } from './check.js';

/** A verification as a table for people: each check, and how many passed. */
export const renderVerification = ({ trainer, version, python, torch, checks }: Verification): string =>
  [
    ...table(checks.map((check) => [check.part, stateOf(check), problemOf(check)])),
    '',
    `${trainer} ${version.slice(0, 12)}, Python ${python}, torch ${torch}: ${countsOf(checks)}.`,
    '',
  ].join('\n');

const stateOf = ({ name, seconds = 0, stopSeconds }: Check): string => {
  const times = [
    ...(seconds < 1 ? [] : [`${seconds} s`]),
    ...(stopSeconds === undefined ? [] : [`stopped in ${stopSeconds} s`]),
  ];
  return times.length === 0 ? name : `${name} (${times.join(', ')})`;
};

const problemOf = ({ outcome, problem }: Check): string | undefined =>
  outcome === 'passed' ? undefined : (problem ?? outcome);

const countsOf = (checks: readonly Check[]): string => {
  const count = (outcome: Check['outcome']): number => checks.filter((check) => check.outcome === outcome).length;
  const others = (['failed', 'skipped'] as const).filter((outcome) => count(outcome) > 0);
  return [
    `${count('passed')} of ${checks.length} checks passed`,
    ...others.map((other) => `${count(other)} ${other}`),
  ].join(', ');
};
