import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { AppError, fieldError } from '@influencerai/shared';
import { fromError, fromPage, statusOf, toPage } from './manager.mapper.js';

const fixture = (name: string): object =>
  JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), 'utf8')) as object;

const rendered = (error: AppError) => [statusOf(error), fromError(error)];

describe('errors', () => {
  it('should be a sentence [003:error-format]', () => {
    expect(rendered(new AppError('job_not_found', { id: 7 }))).toEqual([404, { detail: expect.stringContaining('7') }]);
    expect(Object.keys(fromError(new AppError('internal')))).toEqual(Object.keys(fixture('error.response')));
  });

  it('should list what is wrong with the form of a request [003:error-422]', () => {
    const issues = [{ path: ['epochs'], message: 'Must be at least 1.' }];
    expect(rendered(new AppError('validation_failed', { part: 'body', issues }))).toEqual([
      422,
      { detail: [{ loc: ['body', 'epochs'], msg: 'Must be at least 1.', type: 'value_error' }] },
    ]);
    expect(rendered(new AppError('body_malformed'))).toEqual([
      422,
      { detail: [{ loc: ['body'], msg: expect.any(String), type: 'json_invalid' }] },
    ]);
    expect(rendered(new AppError('media_type_unsupported', { expected: 'application/json' }))).toEqual([
      422,
      { detail: [{ loc: ['body'], msg: expect.stringContaining('application/json'), type: 'value_error' }] },
    ]);
  });

  it.each([
    ['Invalid input: expected number, received undefined', 'Field required', 'missing'],
    ['Field required', 'Field required', 'missing'],
    ['Unknown field.', 'Extra inputs are not permitted', 'extra_forbidden'],
    ['Invalid input: expected number, received string', undefined, 'value_error'],
  ])('should say of %j what it is [003:error-types]', (message, msg, type) => {
    const error = new AppError('validation_failed', { part: 'body', issues: [{ path: ['x', 0], message }] });
    expect(fromError(error)).toEqual({ detail: [{ loc: ['body', 'x', 0], msg: msg ?? message, type }] });
  });

  it('should leave a conflict what it is where somebody else runs the workers [003:error-workers-409]', () => {
    expect(statusOf(new AppError('worker_pool_managed_elsewhere'))).toBe(409);
    expect(statusOf(new AppError('project_active'))).toBe(400);
  });

  it('should call projects by the words that it shows [003:error-validate-400,project-statuses]', () => {
    const sentence = (status: string) => fromError(new AppError('project_not_trained', { id: 7, status })).detail;
    expect(sentence('queued')).toBe(sentence('pending'));
    expect(sentence('running')).toContain('is running');
  });

  it('should say with 400 that a rule is broken [003:error-400]', () => {
    expect(rendered(fieldError(['dataset_id'], 'No such dataset.'))).toEqual([
      400,
      { detail: 'dataset_id: No such dataset.' },
    ]);
    const id = '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d';
    expect(rendered(new AppError('dataset_in_use', { id, by: '1 active job' }))).toEqual([
      400,
      { detail: 'Dataset is in use by 1 active job.' },
    ]);
    expect(statusOf(new AppError('dataset_unreadable'))).toBe(400);
  });

  it('should say that a fault is ours, and by which number to find it [003:error-500]', () => {
    expect(rendered(new AppError('internal', { requestId: 'r1' }))).toEqual([
      500,
      { detail: expect.stringContaining('r1') },
    ]);
  });
});

describe('pages', () => {
  it('should be numbered from 1', () => {
    expect(toPage({ page: 1, page_size: 10 })).toEqual({ take: 10, skip: 0 });
    expect(toPage({ page: 3, page_size: 50 })).toEqual({ take: 50, skip: 100 });
  });

  it('should say how many there are [003:page-envelope]', () => {
    expect(fromPage({ data: [1, 2], total: 21, take: 10, skip: 20 }, (n) => `#${n}`)).toEqual({
      items: ['#1', '#2'],
      total: 21,
      page: 3,
      page_size: 10,
      pages: 3,
    });
    expect(fromPage({ data: [], total: 0, take: 10, skip: 0 }, String).pages).toBe(0);
    expect(fromPage({ data: [], total: 50, take: 10, skip: 0 }, String)).toEqual(fixture('page.response'));
  });
});
