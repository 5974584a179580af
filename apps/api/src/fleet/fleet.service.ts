import { Inject, Injectable } from '@nestjs/common';
import {
  AppError,
  type ClaimAnswer,
  type Directive,
  type Heartbeat,
  type HeartbeatAnswer,
  type RegisteredWorker,
  type RegisterWorker,
  type TrainerId,
  type Worker,
} from '@influencerai/shared';
import { Dispatcher } from '../dispatcher/dispatcher.js';
import { CONFIG, type Config } from '../env.js';
import { type JobNotification, JobNotifications } from '../events/job-notifications.js';
import { Signal } from '../http/signal.js';
import type { ServerSentEvent } from '../http/sse.js';
import { isUuid } from '../http/is-uuid.js';
import { JobStateRepository } from '../jobs/job-state.repository.js';
import type { Identity, Principal } from '../auth/principal.js';
import type { WorkerActivity } from './worker-activity.js';
import { WorkersRepository } from './workers.repository.js';

const CONTROL_IDLE_MS = 60_000;

/** The workers' side of the API: they register, claim, report that they live, and hear what to do. */
@Injectable()
export class FleetService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly workers: WorkersRepository,
    private readonly states: JobStateRepository,
    private readonly dispatcher: Dispatcher,
    private readonly notifications: JobNotifications,
  ) {}

  /**
   * Attempts of this worker that it no longer knows (it crashed) go back to the queue at once.
   * @throws AppError `worker_not_found` when the id belongs to a worker of another key
   */
  async register({ keyId }: Identity, input: RegisterWorker): Promise<RegisteredWorker> {
    const { leaseMs, heartbeatMs, maxAttempts } = this.config.jobs;
    if (!(await this.workers.register(input, keyId))) throw new AppError('worker_not_found', { id: input.id });
    await this.states.forgetRefusals(input.id);
    const interrupted = await this.states.interruptForgotten(input.id, input.held, maxAttempts);
    this.dispatcher.announce(interrupted);
    this.dispatcher.wake();
    return { id: input.id, leaseMs, heartbeatMs };
  }

  /** @throws AppError `worker_not_found` */
  async claim({ keyId }: Identity, workerId: string, trainers: readonly TrainerId[]): Promise<ClaimAnswer> {
    await this.requireWorker(workerId, keyId);
    return { job: await this.states.claim(workerId, trainers, this.config.jobs.leaseMs) };
  }

  /** @throws AppError `worker_not_found` */
  async heartbeat({ keyId }: Identity, workerId: string, { held, isDraining }: Heartbeat): Promise<HeartbeatAnswer> {
    if (!isUuid(workerId) || !(await this.workers.touch(workerId, keyId, isDraining)))
      throw new AppError('worker_not_found', { id: workerId });
    return { jobs: await this.states.extendLeases(workerId, held, this.config.jobs.leaseMs) };
  }

  async list({ tenantId }: Principal): Promise<{ data: Worker[] }> {
    return { data: await this.workers.list(tenantId) };
  }

  /** What the workers do, as far as the tenant may know. */
  activity({ tenantId }: Principal): Promise<WorkerActivity[]> {
    return this.workers.activity(tenantId);
  }

  /** Directives for one worker as they come up; heartbeats repeat them, so that a lost one only comes later. */
  async control({ keyId }: Identity, workerId: string, signal: AbortSignal): Promise<AsyncGenerator<ServerSentEvent>> {
    await this.requireWorker(workerId, keyId);
    return this.directives(workerId, signal);
  }

  private async *directives(workerId: string, signal: AbortSignal): AsyncGenerator<ServerSentEvent> {
    const wake = new Signal();
    const pending: Directive[] = [];
    const unsubscribe = this.notifications.subscribe((notification) => {
      const directive = toDirective(notification, workerId);
      if (!directive) return;
      pending.push(directive);
      wake.set();
    });
    signal.addEventListener('abort', () => wake.set(), { once: true });
    try {
      while (!signal.aborted) {
        for (const directive of pending.splice(0)) yield { event: 'directive', data: directive };
        await wake.wait(CONTROL_IDLE_MS);
      }
    } finally {
      unsubscribe();
    }
  }

  private async requireWorker(id: string, keyId: string | undefined): Promise<void> {
    if (!isUuid(id) || !(await this.workers.exists(id, keyId))) throw new AppError('worker_not_found', { id });
  }
}

/** Wishes are carried out by the holder; any end that somebody else wrote makes the holder stop. */
function toDirective(notification: JobNotification, self: string): Directive | undefined {
  const { type, to, jobId, attempt, workerId, allowedSteps } = notification;
  if (workerId !== self || attempt === null) return undefined;
  if (type === 'cancel-requested') return { jobId, attempt, directive: 'cancel' };
  if (type === 'release-requested') return { jobId, attempt, directive: 'release' };
  if (type === 'steps-granted')
    return { jobId, attempt, directive: 'continue', ...(allowedSteps !== null && { allowedSteps }) };
  const isOver = type === 'status' && to !== 'running';
  return isOver ? { jobId, attempt, directive: 'stop' } : undefined;
}
