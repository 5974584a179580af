/** JSON with sorted keys: the same text for the same content, so that it can be hashed and compared. */
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
