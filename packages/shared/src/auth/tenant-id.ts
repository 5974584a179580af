import { z } from 'zod';

const TENANT_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

export const isTenantId = (text: string): boolean => TENANT_ID.test(text);

/** Chosen by the operator; part of paths, so without slashes and not starting with a dot. */
export const TenantIdSchema = z
  .string()
  .regex(TENANT_ID, 'Must be 1 to 64 letters, digits, "_", "-" or ".", beginning with a letter or digit.');
