import type { FieldMapping } from '@influencerai/trainers';

/** What `bin/worker preview` shows of a job that nobody submitted; also its JSON. */
export interface PlanPreview {
  plannedBy: 'worker' | 'api';
  trainer: string;
  command: string[];
  steps: { perEpoch: number; total: number };
  /** Estimate of what the workspace grows to. */
  diskBytes: number;
  /** Pictures or rows. */
  examples: number;
  /** Written into the workspace; of many the first. */
  files: { path: string; sizeBytes: number }[];
  /** How many there are of them. */
  fileCount: number;
  /** Links from the workspace to pictures and models. */
  linkCount: number;
  mapping: FieldMapping[];
  notes: string[];
}

/** A file that is no job, and the like: the message says it all. */
export class PreviewError extends Error {
  override readonly name = 'PreviewError';
}
