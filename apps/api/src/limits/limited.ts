import { SetMetadata } from '@nestjs/common';
import type { RatePolicy } from './rate-policy.js';

export const RATE_POLICY = Symbol('RATE_POLICY');

/** Counts the requests of a route by a policy of its own, in place of the tenant's for reads or writes. */
export const Limited = (policy: RatePolicy) => SetMetadata(RATE_POLICY, policy);
