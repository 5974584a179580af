import type { ContractItem } from './contract.js';

export const DATASETS_003: readonly ContractItem[] = [];
