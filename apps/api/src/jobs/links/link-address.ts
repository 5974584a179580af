import { z } from 'zod';
import type { LinkTarget } from './link-signature.js';

/** A link as it comes back. */
export interface SignedLink extends LinkTarget {
  signature: string;
}

const AddressSchema = z.strictObject({
  tenantId: z.string(),
  jobId: z.string(),
  name: z.string(),
  sha256: z.string(),
  expires: z
    .string()
    .regex(/^[1-9]\d{0,11}$/)
    .transform(Number),
  signature: z.string(),
});

/** Path and query of a link. */
export function toAddress({ tenantId, jobId, name, sha256, expires, signature }: SignedLink): string {
  const path = [tenantId, jobId, name].map(encodeURIComponent).join('/');
  return `/downloads/${path}?${new URLSearchParams({ sha256, expires: String(expires), signature })}`;
}

/** @returns undefined for what no link of ours looks like: something is missing, twice there or more than we sign */
export const readAddress = (parts: Record<string, unknown>): SignedLink | undefined =>
  AddressSchema.safeParse(parts).data;
