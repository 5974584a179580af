import { canonicalJson, type TrainingSpec } from '@influencerai/shared';
import type pg from 'pg';
import { CONTINUE, FIND_DELETED } from './sessions.sql.js';

/** A session that was just made. */
export interface NewSession {
  tenantId: string;
  jobId: string;
  name: string;
  maxSteps: number;
  spec: TrainingSpec;
}

interface Deleted {
  id: string;
  spec: TrainingSpec;
  step: number;
}

/**
 * Lets a new session go on from the last state of the deleted one of its name, where that is over, trained the same and
 * has steps left. The state passes to the new job; nothing else reads it. The tenant must be locked.
 */
export async function continueSession(client: pg.PoolClient, session: NewSession): Promise<void> {
  const { tenantId, jobId, name, maxSteps, spec } = session;
  const { rows } = await client.query<Deleted>(FIND_DELETED, [tenantId, name]);
  const [deleted] = rows;
  if (!deleted || deleted.step >= maxSteps || courseOf(deleted.spec) !== courseOf(spec)) return;
  await client.query(CONTINUE, [tenantId, deleted.id, jobId, deleted.step]);
}

/** What a state holds the middle of: neither what it learns from, nor how long, nor where the results go. */
const courseOf = ({ kind, trainer, baseModel, network, training, extra }: TrainingSpec): string =>
  canonicalJson({ kind, trainer, baseModel, network, training: { ...training, maxSteps: null }, extra });
