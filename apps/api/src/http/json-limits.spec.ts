import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { AppError } from '@influencerai/shared';
import { assertMeta, assertStorable } from './json-limits.js';

const issuesOf = (work: () => void) => {
  try {
    work();
  } catch (error) {
    return (error as AppError).details.issues;
  }
  return undefined;
};

const nested = (depth: number): object =>
  JSON.parse('{"a":'.repeat(depth - 1) + '{}' + '}'.repeat(depth - 1)) as object;

describe('assertStorable', () => {
  it.each([
    undefined,
    null,
    'text',
    1,
    { a: [1, { b: null }] },
    nested(32),
    Array(300_000).fill('x'),
    Readable.from(['\0']),
    Buffer.from('\0'),
  ])('should take %#', (value) => {
    expect(issuesOf(() => assertStorable(value))).toBeUndefined();
  });

  it('should name where NUL and lone surrogates stand', () => {
    expect(issuesOf(() => assertStorable({ a: ['x', '\0'] }))?.[0]?.path).toEqual(['a', 1]);
    expect(issuesOf(() => assertStorable({ a: { b: '\ud800' } }))?.[0]?.path).toEqual(['a', 'b']);
    expect(issuesOf(() => assertStorable({ a: { '\0': 1 } }))?.[0]?.path).toEqual(['a']);
  });

  it('should see into objects without a prototype, as queries are', () => {
    const query = Object.assign(Object.create(null) as object, { a: '\0' });
    expect(issuesOf(() => assertStorable(query))?.[0]?.path).toEqual(['a']);
  });

  it('should refuse any depth without exhausting the stack', () => {
    for (const depth of [33, 100_000]) expect(issuesOf(() => assertStorable(nested(depth)))?.[0]?.path).toEqual(['a']);
  });
});

describe('assertMeta', () => {
  it('should hold its limits', () => {
    expect(issuesOf(() => assertMeta({ ...nested(20), text: 'é'.repeat(8_000) }))).toBeUndefined();
    expect(issuesOf(() => assertMeta({ ...nested(21) }))).toEqual([
      { path: ['meta'], message: 'Must be nested at most 20 levels deep.' },
    ]);
    expect(issuesOf(() => assertMeta({ text: 'é'.repeat(8_200) }))).toEqual([
      { path: ['meta'], message: 'Must be at most 16 kB of JSON.' },
    ]);
  });
});
