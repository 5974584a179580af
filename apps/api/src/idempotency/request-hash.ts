import { createHash } from 'node:crypto';

/** sha256 of a JSON value, the same whatever the order of keys. */
export const requestHash = (body: unknown): string => createHash('sha256').update(canonicalJson(body)).digest('hex');

/** JSON with sorted keys. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value ?? null, (_, member: unknown) => (isObject(member) ? sorted(member) : member));

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** No prototype, so that a key named `__proto__` stays a key. */
const sorted = (object: Record<string, unknown>): Record<string, unknown> =>
  Object.assign(
    Object.create(null) as Record<string, unknown>,
    Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1))),
  );
