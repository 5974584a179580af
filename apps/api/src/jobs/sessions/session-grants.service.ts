import { Injectable } from '@nestjs/common';
import { AppError, type GrantSteps, type Session } from '@influencerai/shared';
import type { Principal } from '../../auth/principal.js';
import { Dispatcher } from '../../dispatcher/dispatcher.js';
import { newId } from '../../http/new-id.js';
import type { WithId } from '../../idempotency/creation-id.js';
import type { Reader } from '../../idempotency/reader.js';
import { SessionsRepository } from './sessions.repository.js';

/** Authorises steps. However many do at once, what they grant adds up. */
@Injectable()
export class SessionGrantsService implements Reader {
  constructor(
    private readonly sessions: SessionsRepository,
    private readonly dispatcher: Dispatcher,
  ) {}

  /**
   * Adds steps to what was granted before, up to the session's `maxSteps`. The worker that holds the session hears of it
   * at once; a parked one is admitted again.
   * @throws AppError `session_not_found`, `session_over`, `session_fully_granted`
   */
  async grant({ tenantId }: Principal, jobId: string, { id = newId(), steps }: WithId<GrantSteps>): Promise<Session> {
    const status = await this.sessions.grant(tenantId, jobId, { id, steps });
    if (status === 'queued') this.dispatcher.wake();
    const session = await this.sessions.getById(tenantId, jobId);
    if (status !== undefined) return session;
    if (session.stage === 'ended') throw new AppError('session_over', { id: jobId, status: session.status });
    throw new AppError('session_fully_granted', { id: jobId, maxSteps: session.maxSteps });
  }

  /** The session as a grant left it, or as it is since. @throws AppError `session_not_found` */
  get({ tenantId }: Principal, grantId: string): Promise<Session> {
    return this.sessions.getByGrant(tenantId, grantId);
  }
}
