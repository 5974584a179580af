import { isTerminal, type JobStatus, type Session, type SessionStage } from '@influencerai/shared';

/** A session with its job's status and newest checkpoint, as the prepared queries return it. */
export interface SessionRow {
  job_id: string;
  name: string | null;
  status: JobStatus;
  max_steps: number;
  allowed_steps: number;
  completed_steps: number;
  idle_ms: number;
  error: string | null;
  cancel_requested_at: Date | null;
  checkpoint_step: number | null;
  checkpoint_path: string | null;
  created_at: Date;
  updated_at: Date;
}

export const fromRow = (row: SessionRow): Session => ({
  id: row.job_id,
  name: row.name,
  stage: stageOf(row),
  status: row.status,
  maxSteps: row.max_steps,
  allowedSteps: row.allowed_steps,
  completedSteps: row.completed_steps,
  remainingSteps: Math.max(0, row.allowed_steps - row.completed_steps),
  lastCheckpointStep: row.checkpoint_step,
  lastCheckpointPath: row.checkpoint_path,
  idleSeconds: Math.ceil(row.idle_ms / 1000),
  error: row.error,
  cancelRequestedAt: row.cancel_requested_at?.toISOString() ?? null,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
});

type Steps = Pick<SessionRow, 'status' | 'max_steps' | 'allowed_steps' | 'completed_steps'>;

/** Derived, never stored: it cannot contradict the job. After the last of all steps the end is still to be made. */
export const stageOf = ({ status, max_steps, allowed_steps, completed_steps }: Steps): SessionStage => {
  if (isTerminal(status)) return 'ended';
  const hasSteps = allowed_steps > completed_steps || completed_steps >= max_steps;
  if (status === 'running') return hasSteps ? 'training' : 'paused';
  return hasSteps ? 'waiting' : 'parked';
};
