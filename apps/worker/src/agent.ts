import type { ClaimedJob, HeldJob } from '@influencerai/shared';
import { ApiPresence } from './api-presence.js';
import { Bell } from './bell.js';
import type { Doorbell, OpenDoorbell } from './doorbell.js';
import { FleetMember, type Identity } from './fleet-member.js';
import { FolderGuard } from './folder-guard.js';
import { HeldAttempts } from './held-attempts.js';
import {
  collectLeftovers,
  deliverInterrupted,
  forgetOldJobs,
  resumeDelivery,
  type DeliveryHandle,
} from './leftovers.js';
import { JobRunner } from './runner/job-runner.js';
import { handedBack } from './runner/outcome.js';
import { repeat, type Repetition } from './runner/repeat.js';
import type { RunnerContext } from './runner/runner-context.js';
import type { Spool } from './runner/spool.js';
import { Workspace } from './runner/workspace.js';
import type { Slot, SlotPool } from './slots.js';

/** How long a worker that stops waits for an API that takes nothing. */
const LAST_REPORTS_MS = 10_000;

export interface AgentOptions {
  context: RunnerContext;
  identity: Identity;
  slots: SlotPool;
  apiUrl: string;
  claimPollMs: number;
  openDoorbell: OpenDoorbell;
}

interface AttemptFolder {
  workspace: Workspace;
  spool: Spool;
}

/**
 * The worker as a whole. It registers, claims a job whenever a slot is free, runs it, and on `drain` hands back what
 * it holds. Start once.
 */
export class Agent {
  readonly #held = new HeldAttempts();
  readonly #deliveries = new Set<DeliveryHandle>();
  readonly #runs = new Set<Promise<void>>();
  readonly #member: FleetMember;
  readonly #presence: ApiPresence;
  readonly #claimBell = new Bell();
  readonly #folder: FolderGuard;
  readonly #draining = new AbortController();
  readonly #stopped = new AbortController();
  #doorbell: Doorbell | undefined;
  #loops: Promise<unknown> = Promise.resolve();
  #forgetting: Repetition | undefined;
  #claiming: Promise<void> = Promise.resolve();

  constructor(private readonly options: AgentOptions) {
    const { context, identity, apiUrl } = options;
    const { workerDir, pace, log } = context;
    this.#folder = new FolderGuard({ workerDir, retryMs: pace.folderRetryMs, log });
    this.#presence = new ApiPresence(apiUrl, context.log);
    this.#member = new FleetMember({
      identity,
      api: context.api,
      held: () => this.#held.list(),
      onDirective: (directive) => this.#held.obey(directive),
      presence: this.#presence,
      log: context.log,
    });
  }

  /** Clears up after a crash, registers, and starts to work. Waits for the API as long as it takes. */
  async start(): Promise<void> {
    const { context, openDoorbell } = this.options;
    const { signal } = this.#stopped;
    const leftovers = await collectLeftovers(context);
    for (const leftover of leftovers.ended) this.#follow(resumeDelivery(leftover, context));
    await deliverInterrupted(leftovers, context.api, context.log);
    await this.#member.register(signal);
    if (this.#member.isDraining) return;
    this.#doorbell = openDoorbell(() => this.#claimBell.ring());
    this.#claiming = this.#claimForEver();
    this.#loops = this.#member.stay(signal);
    this.#forgetting = this.#forgetOldJobs();
  }

  /** Stops claiming, lets trainers save, hands their jobs back, and waits for reports and states that get through. */
  async drain(): Promise<void> {
    const { context } = this.options;
    context.log.info('Draining');
    this.#member.isDraining = true;
    this.#draining.abort();
    this.#claimBell.ring();
    await Promise.all([this.#claiming, this.#doorbell?.close()]);
    this.#held.stopAll('drain');
    const limitMs = Math.max(1000, context.graceMs ?? LAST_REPORTS_MS);
    await this.#member.beat(AbortSignal.timeout(limitMs));
    await Promise.all(this.#runs);
    await this.#settleDeliveries(limitMs);
    this.#stopped.abort();
    await Promise.all([this.#loops, this.#forgetting?.stop()]);
    context.log.info('Drained');
  }

  /** At the start, too, but a worker may run for months. */
  #forgetOldJobs(): Repetition {
    const { context } = this.options;
    const forget = (): Promise<void> => forgetOldJobs(context, new Set(this.#held.list().map(({ jobId }) => jobId)));
    const onError = (error: unknown): void => context.log.warn({ err: error }, 'Old folders could not be removed');
    return repeat(forget, { everyMs: context.pace.forgetMs, onError });
  }

  async #settleDeliveries(patienceMs: number): Promise<void> {
    const finish = async ({ finish, delivered }: DeliveryHandle): Promise<void> => {
      await finish(patienceMs);
      await delivered;
    };
    await Promise.all([...this.#deliveries].map(finish));
  }

  async #claimForEver(): Promise<void> {
    while (!this.#member.isDraining) {
      await this.#folder.untilUsable(this.#draining.signal);
      await this.#claimWhileFree();
      await this.#claimBell.wait(this.options.claimPollMs);
    }
  }

  async #claimWhileFree(): Promise<void> {
    const { slots } = this.options;
    while (slots.hasFree && this.#folder.isUsable && !this.#member.isDraining) {
      const job = await this.#claim();
      if (!job) return;
      await this.#startJob(job, slots.take()!);
    }
  }

  async #claim(): Promise<ClaimedJob | null> {
    const { context, identity } = this.options;
    try {
      const job = await context.api.claim(identity.id, identity.trainers);
      this.#presence.back();
      return job;
    } catch (error) {
      await this.#member.recover(error, this.#stopped.signal);
      return null;
    }
  }

  /** Resolves once it is known whether the job's folder can be written: a host that cannot must claim no other. */
  async #startJob(job: ClaimedJob, slot: Slot): Promise<void> {
    const { slots, context } = this.options;
    if (!slots.hasFree) this.#doorbell?.pause();
    const log = context.log.child({ jobId: job.jobId, attempt: job.attempt });
    log.info({ slot: slot.index, trainer: job.spec.trainer }, 'Claimed');
    const opening = this.#openFolder(job);
    const run = this.#run({ job, slot, opening })
      .catch((error: unknown) => log.error({ err: error }, 'The attempt broke; its lease will run out'))
      .finally(() => {
        this.#runs.delete(run);
        slots.giveBack(slot);
        this.#doorbell?.resume();
        this.#claimBell.ring();
      });
    this.#runs.add(run);
    await Promise.allSettled([opening]);
  }

  async #run({ job, slot, opening }: { job: ClaimedJob; slot: Slot; opening: Promise<AttemptFolder> }): Promise<void> {
    const { context } = this.options;
    const log = context.log.child({ jobId: job.jobId, attempt: job.attempt });
    const folder = await opening.catch((error: unknown) => this.#handBack(job, error));
    if (!folder) return;
    const runner = new JobRunner({ context, job, slot, ...folder, log });
    this.#follow({
      job,
      delivered: runner.delivered,
      requestStop: (reason) => runner.requestStop(reason),
      allowSteps: (total) => runner.allowSteps(total),
      finish: (patienceMs) => runner.finishDelivery(patienceMs),
    });
    if (this.#member.isDraining) runner.requestStop('drain');
    try {
      await runner.run();
    } catch (error) {
      runner.stopDelivery();
      if (!runner.hasLaunched) return this.#handBack(job, error);
      // Its end cannot be told: let the lease run out, so that the job goes on elsewhere.
      throw error;
    }
  }

  async #openFolder(job: ClaimedJob): Promise<AttemptFolder> {
    try {
      const workspace = Workspace.of(this.options.context.workerDir, job.jobId, job.attempt);
      await workspace.create(job);
      const spool = await workspace.openSpool();
      this.#folder.worked();
      return { workspace, spool };
    } catch (error) {
      this.#folder.failed();
      throw error;
    }
  }

  /** Nothing can be kept here, so this report goes without a spool; a lease that ran out would count against the job. */
  async #handBack(job: ClaimedJob, error: unknown): Promise<undefined> {
    const { workerDir, api, log } = this.options.context;
    const { jobId, attempt } = job;
    this.#folder.failed();
    log.error({ err: error, jobId, attempt }, `A job cannot run in ${workerDir}; it goes back, and claiming pauses`);
    try {
      await api.updateJob(job, handedBack());
    } catch (cause) {
      log.warn({ err: cause, jobId, attempt }, 'The job could not be handed back; its lease will run out');
    }
  }

  /** An attempt is held until its reports are delivered, so that its lease does not run out before. */
  #follow(delivery: DeliveryHandle): void {
    const { job } = delivery;
    this.#deliveries.add(delivery);
    if (!this.#isHeld(job)) this.#held.add(delivery);
    void delivery.delivered
      .catch((error: unknown) => this.options.context.log.error({ err: error, ...job }, 'Clearing up failed'))
      .finally(() => {
        this.#deliveries.delete(delivery);
        this.#held.remove(job);
      });
  }

  #isHeld({ jobId, attempt }: HeldJob): boolean {
    return this.#held.list().some((held) => held.jobId === jobId && held.attempt === attempt);
  }
}
