import type { Contract } from './contract.js';

/** What holds for the whole face. Its parts stand in files of their own beside this one. */
export const CONTRACT_003: Contract = {
  number: '003',
  title: 'Model training manager',
  face: 'manager',
  items: [
    { id: 'endpoint-health', kind: 'endpoint', says: '`GET /api/v1/health`' },
    { id: 'error-format', kind: 'error', says: 'every error is `{ "detail": … }`' },
    { id: 'error-400', kind: 'error', says: '400: a rule is broken' },
    { id: 'error-422', kind: 'error', says: '422: a request of the wrong form, or of another type than is taken' },
    {
      id: 'error-types',
      kind: 'error',
      says: 'what is wrong with the form says so by its `type`: `missing`, `extra_forbidden`, `json_invalid`, else `value_error`',
    },
    { id: 'error-500', kind: 'error', says: '500: a fault of the service' },
    { id: 'slashes', kind: 'rule', says: 'paths work with and without a slash at their end' },
    { id: 'no-credentials', kind: 'rule', says: 'in development mode nobody is asked' },
    { id: 'integer-ids', kind: 'rule', says: 'ids are integers, which each tenant counts from 1' },
    {
      id: 'workflow',
      kind: 'rule',
      says: 'upload, train, look how far it is, with `curl` against a whole installation',
    },
    { id: 'null', kind: 'range', says: '`null` in an optional field is the same as leaving it out' },
    { id: 'strict', kind: 'range', says: 'unknown fields are refused' },
    { id: 'numbers', kind: 'range', says: 'text that says a number is one, as in a form: `"4"`, `" 4 "`, `"4.0"`' },
    { id: 'read-back', kind: 'range', says: 'a configuration, dataset or project that was read can be sent back' },
    { id: 'times', kind: 'range', says: 'times are whole seconds in UTC: `2024-01-01T00:00:00Z`' },
    { id: 'example-health', kind: 'example', says: 'the documented answer on health' },
    { id: 'page-envelope', kind: 'rule', says: 'lists are `{ items, total, page, page_size, pages }`' },
  ],
};
