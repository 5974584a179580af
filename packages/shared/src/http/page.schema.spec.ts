import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { MetaSchema, PageQuerySchema, pageSchema } from './page.schema.js';

const page = (query: object) => PageQuerySchema.safeParse(query);

describe('PageQuerySchema', () => {
  it('should default to the first twenty', () => {
    expect(PageQuerySchema.parse({})).toEqual({ take: 20, skip: 0 });
  });

  it('should read numbers from the text of a query', () => {
    expect(PageQuerySchema.parse({ take: '100', skip: '40' })).toEqual({ take: 100, skip: 40 });
  });

  it.each(['0', '101', '-1', '1.5', 'ten', '1e9', 'Infinity'])('should refuse %s as take', (take) => {
    expect(page({ take }).success).toBe(false);
  });

  it.each(['-1', '0.5', 'NaN', '2147483648'])('should refuse %s as skip', (skip) => {
    expect(page({ skip }).success).toBe(false);
  });

  it('should refuse parameters that are sent twice or unknown', () => {
    expect(page({ take: ['1', '2'] }).success).toBe(false);
    expect(page({ limit: '10' }).success).toBe(false);
  });
});

describe('pageSchema', () => {
  it('should wrap a list with its total and its place', () => {
    const body = { data: ['a'], total: 5, take: 1, skip: 2 };
    expect(pageSchema(z.string()).parse(body)).toEqual(body);
  });
});

describe('MetaSchema', () => {
  it('should take objects only', () => {
    expect(MetaSchema.safeParse({ a: [1, { b: null }] }).success).toBe(true);
    expect(MetaSchema.safeParse('text').success).toBe(false);
    expect(MetaSchema.safeParse([1]).success).toBe(false);
    expect(MetaSchema.safeParse('text').success).toBe(false);
  });
});
