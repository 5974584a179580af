import { Injectable } from '@nestjs/common';
import type { JobLogLine } from '@influencerai/shared';
import type { Principal } from '../../auth/principal.js';
import { JobNotifications } from '../../events/job-notifications.js';
import { OpenStreams } from '../../events/open-streams.js';
import { Signal } from '../../http/signal.js';
import { BEFORE_FIRST_LINE, JobHistoryRepository } from '../job-history.repository.js';
import type { JobKey } from '../job-key.js';
import { SessionsRepository } from './sessions.repository.js';

const BATCH = 500;
/** Lines come in batches and have no event; an open stream looks for them so often, and at every event of the job. */
const LOOK_MS = 1_000;

/** What the trainer of a session printed, and what became of it in the worker's words. */
@Injectable()
export class SessionLogsService {
  constructor(
    private readonly sessions: SessionsRepository,
    private readonly history: JobHistoryRepository,
    private readonly notifications: JobNotifications,
    private readonly open: OpenStreams,
  ) {}

  /** The newest lines, oldest first. @throws AppError `session_not_found` */
  async recent({ tenantId }: Principal, jobId: string, limit: number): Promise<JobLogLine[]> {
    await this.sessions.getById(tenantId, jobId);
    return this.history.recentLogs({ tenantId, jobId }, limit);
  }

  /**
   * All lines from the first on, then those that come, until the session is over or deleted.
   * @throws AppError `session_not_found`, `streams_exhausted` before the first line
   */
  async follow({ tenantId }: Principal, jobId: string, signal: AbortSignal): Promise<AsyncGenerator<JobLogLine>> {
    await this.sessions.getById(tenantId, jobId);
    this.open.count(tenantId, signal);
    return this.generate({ tenantId, jobId }, signal);
  }

  private async *generate(key: JobKey, signal: AbortSignal): AsyncGenerator<JobLogLine> {
    const wake = new Signal();
    const unsubscribe = this.notifications.subscribe(({ jobId }) => jobId === key.jobId && wake.set());
    signal.addEventListener('abort', () => wake.set(), { once: true });
    try {
      let after = BEFORE_FIRST_LINE;
      while (!signal.aborted) {
        // Asked first: a worker reports the end after the last line, so that what is read now is all.
        const isOver = await this.isOver(key);
        const lines = await this.history.listLogs(key, after, BATCH);
        yield* lines;
        after = lines.at(-1) ?? after;
        if (lines.length === BATCH) continue;
        if (isOver) return;
        await wake.wait(LOOK_MS);
      }
    } finally {
      unsubscribe();
    }
  }

  private async isOver({ tenantId, jobId }: JobKey): Promise<boolean> {
    const session = await this.sessions.findById(tenantId, jobId);
    return session === undefined || session.stage === 'ended';
  }
}
