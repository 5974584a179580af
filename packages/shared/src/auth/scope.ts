import { z } from 'zod';

/**
 * What a credential may do: `read` and `write` the tenant's own data, `admin` its keys and users (and, without a tenant,
 * every tenant), `worker` claim jobs and report on those that it holds. None includes another.
 */
export const SCOPES = ['read', 'write', 'admin', 'worker'] as const;
export const ScopeSchema = z.enum(SCOPES);
export type Scope = z.infer<typeof ScopeSchema>;
