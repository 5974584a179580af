import type { Job, JobStatus, TrainerId } from '@influencerai/shared';

/** A row of the table `job` as the prepared queries return it. */
export interface JobRow {
  id: string;
  number: number;
  tenant_id: string;
  user_id: string | null;
  type: string;
  status: JobStatus;
  payload: Job['payload'];
  result: Job['result'];
  cost_tok: number | null;
  started_at: Date | null;
  finished_at: Date | null;
  created_at: Date;
  updated_at: Date;
  trainer: TrainerId;
  priority: number;
  attempt: number;
  waiting_reason: string | null;
  cancel_requested_at: Date | null;
  rerun_of: string | null;
}

/** The columns of {@link JobRow}, in the table aliased `j`. */
export const JOB_COLUMNS = `j.id, j.number, j.tenant_id, j.user_id, j.type, j.status, j.payload, j.result, j.cost_tok, j.started_at, j.finished_at,
  j.created_at, j.updated_at, j.trainer, j.priority, j.attempt, j.waiting_reason, j.cancel_requested_at, j.rerun_of`;

export const fromRow = (row: JobRow): Job => ({
  id: row.id,
  number: row.number,
  tenantId: row.tenant_id,
  userId: row.user_id,
  type: row.type,
  status: row.status,
  payload: row.payload,
  result: row.result,
  costTok: row.cost_tok,
  startedAt: row.started_at?.toISOString() ?? null,
  finishedAt: row.finished_at?.toISOString() ?? null,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
  trainer: row.trainer,
  priority: row.priority,
  attempt: row.attempt,
  waitingReason: row.waiting_reason,
  cancelRequestedAt: row.cancel_requested_at?.toISOString() ?? null,
  rerunOf: row.rerun_of,
});
