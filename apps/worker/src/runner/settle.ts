import { isTerminal, type JobStatus } from '@influencerai/shared';
import type { DeliveryEnd } from './delivery.js';
import type { Spool } from './spool.js';
import { retireJob, type Workspace } from './workspace.js';

export interface SettleInput {
  end: DeliveryEnd;
  /** What was delivered. */
  status: JobStatus | undefined;
  workspace: Workspace;
  spool: Spool;
  keep: number;
}

/** Clears up after an attempt. A job that may come back keeps its folder: its states save work. */
export const settle = async ({ end, status, workspace, spool, keep }: SettleInput): Promise<void> => {
  if (end === 'stopped') return;
  if (end === 'delivered' && status && isTerminal(status)) return retireJob(workspace, keep);
  await spool.discard();
  await workspace.removeCaches();
};
