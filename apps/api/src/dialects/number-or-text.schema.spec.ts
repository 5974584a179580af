import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { numberOrText } from './number-or-text.schema.js';

const read = (schema: z.ZodType<number>, value: unknown) => numberOrText(schema).safeParse(value).data;

describe('numberOrText', () => {
  it.each([
    ['1', 1],
    [' 12 ', 12],
    ['4.0', 4],
    ['+3', 3],
    ['-3', -3],
    [7, 7],
  ])('should read %j as a whole number', (value, number) => {
    expect(read(z.int(), value)).toBe(number);
  });

  it.each([
    ['0.1', 0.1],
    ['1e-4', 0.0001],
    ['.5', 0.5],
    ['2E3', 2000],
  ])('should read %j as a number', (value, number) => expect(read(z.number(), value)).toBe(number));

  it.each([
    '',
    ' ',
    'abc',
    '1,5',
    '1 000',
    '0x10',
    '1e',
    '.',
    'NaN',
    'Infinity',
    '1e999',
    '1'.repeat(16),
    null,
    true,
    ['1'],
  ])('should refuse %j', (value) => expect(read(z.number(), value)).toBeUndefined());

  it('should keep to the bounds of the number', () => {
    expect([read(z.int(), '1.5'), read(z.int().min(1), '0')]).toEqual([undefined, undefined]);
  });
});
