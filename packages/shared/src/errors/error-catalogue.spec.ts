import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ERROR_CODES, ERRORS, type ErrorSpec } from './error-catalogue.js';

/** Messages that the contract of the API prints without a full stop, and those that end with the words of others. */
const AS_PRINTED = [
  'validation_failed',
  'dataset_path_refused',
  'dataset_not_found',
  'lora_config_not_found',
  'job_not_found',
  'artifact_not_found',
  'lora_config_name_taken',
  'lora_config_in_use',
  'dataset_unreadable',
  'trainer_unavailable',
  'spec_unsupported',
  'adapter_not_servable',
  'adapter_refused',
  'runtime_unavailable',
];

describe('ERRORS', () => {
  it.each(ERROR_CODES)('should describe %s well', (code) => {
    const { status, message }: ErrorSpec = ERRORS[code];
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(message).toMatch(AS_PRINTED.includes(code) ? /^[A-Z].*[^.]$/ : /^[A-Z].*\.$/);
  });

  it('should call an error retryable only where the status lets a client try again', () => {
    const retryable = ERROR_CODES.filter((code) => (ERRORS[code] as ErrorSpec).isRetryable);
    const statuses = retryable.map((code) => ERRORS[code].status);
    expect(statuses.filter((status) => status < 500 && ![409, 423, 429].includes(status))).toEqual([]);
  });
});

describe('docs/errors.md', () => {
  const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.includes('<a id="'));

  it('should list exactly the codes of the catalogue', () => {
    const listed = rows.map((row) => /<a id="(\w+)">/.exec(row)?.[1]);
    expect(listed.sort()).toEqual([...ERROR_CODES].sort());
  });

  it.each(ERROR_CODES)('should give the status and the message of %s', (code) => {
    const row = rows.find((line) => line.includes(`<a id="${code}">`));
    const cells = row?.split(/(?<!\\)\|/).map((cell) => cell.trim());
    expect(cells?.[2]).toBe(String(ERRORS[code].status));
    expect(cells?.[3]).toBe(ERRORS[code].message);
  });
});
