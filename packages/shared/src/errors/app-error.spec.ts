import { describe, expect, it } from '@jest/globals';
import { AppError, fieldError } from './app-error.js';
import { ERROR_CODES, ERRORS, type ErrorSpec } from './error-catalogue.js';

describe('AppError', () => {
  it('should fill placeholders from the details', () => {
    const error = new AppError('job_transition_refused', {
      id: 'j1',
      from: 'queued',
      to: 'running',
      allowed: 'pending, cancelled',
    });
    expect(error.message).toBe('Job j1 is queued and cannot become running. Allowed from here: pending, cancelled.');
  });

  it('should write numbers, zero included', () => {
    const error = new AppError('range_not_satisfiable', { range: 'bytes=9-', sizeBytes: 0 });
    expect(error.message).toBe('The range bytes=9- lies outside the file of 0 bytes.');
  });

  it('should leave a placeholder without a detail as it is', () => {
    expect(new AppError('dataset_not_found').message).toBe('Dataset {id} not found');
  });

  it('should not fill in what a detail itself contains', () => {
    expect(new AppError('artifact_not_found', { name: '{kind}', kind: 'x' }).message).toBe('Artifact {kind} not found');
  });

  it('should take details of any text literally', () => {
    expect(new AppError('artifact_not_found', { name: '$& $1' }).message).toBe('Artifact $& $1 not found');
  });

  it.each(ERROR_CODES)('should take the status of %s from the catalogue', (code) => {
    const spec: ErrorSpec = ERRORS[code];
    const error = new AppError(code);
    expect(error).toMatchObject({ code, status: spec.status, isRetryable: spec.isRetryable ?? false });
  });

  it('should keep its name, details and cause', () => {
    const cause = new Error('disk full');
    const error = new AppError('internal', { requestId: 'r1' }, { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'AppError', details: { requestId: 'r1' }, cause });
  });
});

describe('fieldError', () => {
  it('should be a failed validation of one field', () => {
    const error = fieldError(['payload', 'datasetId'], 'Required');
    expect(error).toMatchObject({
      code: 'validation_failed',
      status: 400,
      details: { issues: [{ path: ['payload', 'datasetId'], message: 'Required' }] },
    });
  });
});
