/** One thing that a contract asks for. */
export interface ContractItem {
  /** As tests name it in their titles: `should … [000:error-404]`. */
  id: string;
  kind: 'endpoint' | 'example' | 'range' | 'error' | 'rule';
  says: string;
}

/** What clients of a face were promised. `scripts/generate-contracts.ts` lists it beside the tests that show it. */
export interface Contract {
  number: string;
  title: string;
  face: string;
  items: readonly ContractItem[];
}
