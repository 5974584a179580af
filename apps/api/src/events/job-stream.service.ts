import { Injectable } from '@nestjs/common';
import { isTerminal, type Job, type JobEvent } from '@influencerai/shared';
import type { ServerSentEvent } from '../http/sse.js';
import { Signal } from '../http/signal.js';
import type { JobKey } from '../jobs/job-key.js';
import { JobsRepository } from '../jobs/jobs.repository.js';
import type { Principal } from '../auth/principal.js';
import { JobEventsRepository } from './job-events.repository.js';
import { JobNotifications } from './job-notifications.js';
import { OpenStreams } from './open-streams.js';

const BATCH = 100;
/** Progress has no event rows; an open stream looks for it so often. */
const PROGRESS_MS = 1_000;

/** Live events of one job, for people who watch it. */
@Injectable()
export class JobStreamService {
  constructor(
    private readonly jobs: JobsRepository,
    private readonly events: JobEventsRepository,
    private readonly notifications: JobNotifications,
    private readonly open: OpenStreams,
  ) {}

  /**
   * Everything after `afterId`, then what happens until the job is over. Status and artifact events carry ids to resume
   * from; progress is only ever the latest and has none.
   * @throws AppError `job_not_found`, `streams_exhausted` before the first event
   */
  async follow(
    { tenantId }: Principal,
    jobId: string,
    afterId: number,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<ServerSentEvent>> {
    await this.jobs.getById(tenantId, jobId);
    this.open.count(tenantId, signal);
    return this.generate({ tenantId, jobId }, afterId, signal);
  }

  private async *generate(key: JobKey, afterId: number, signal: AbortSignal): AsyncGenerator<ServerSentEvent> {
    const { tenantId, jobId } = key;
    const wake = new Signal();
    const unsubscribe = this.notifications.subscribe((notification) => notification.jobId === jobId && wake.set());
    signal.addEventListener('abort', () => wake.set(), { once: true });
    try {
      let cursor = afterId;
      let shown = '';
      while (!signal.aborted) {
        const stored = await this.events.listAfter(key, cursor, BATCH);
        for (const { id, event } of stored) {
          yield { id: String(id), event: event.type, data: event };
          cursor = id;
        }
        if (stored.length === BATCH) continue;
        const job = await this.jobs.findById(tenantId, jobId);
        if (!job || (isTerminal(job.status) && (await this.isDrained(key, cursor)))) return;
        const progress = progressOf(job);
        if (progress && job.updatedAt !== shown) yield { event: 'progress', data: progress };
        shown = job.updatedAt;
        await wake.wait(PROGRESS_MS);
      }
    } finally {
      unsubscribe();
    }
  }

  /** The job became terminal between the two reads when its last event has not been sent yet. */
  private async isDrained(key: JobKey, cursor: number): Promise<boolean> {
    return (await this.events.listAfter(key, cursor, 1)).length === 0;
  }
}

function progressOf(job: Job): JobEvent | undefined {
  const progress = job.result?.['progress'];
  if (job.status !== 'running' || typeof progress !== 'object' || progress === null) return undefined;
  return { type: 'progress', progress: progress as (JobEvent & { type: 'progress' })['progress'], at: job.updatedAt };
}
