import { createHash } from 'node:crypto';
import { canonicalJson } from '@influencerai/shared';

/** sha256 of a JSON value, the same whatever the order of keys. */
export const requestHash = (body: unknown): string => createHash('sha256').update(canonicalJson(body)).digest('hex');
