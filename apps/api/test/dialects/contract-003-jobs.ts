import type { ContractItem } from './contract.js';

/** Jobs, and the configuration that new ones begin with. */
export const JOBS_003: readonly ContractItem[] = [];
