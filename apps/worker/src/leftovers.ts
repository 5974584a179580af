import type { Logger } from 'pino';
import type { Api, JobRef } from './api/api.js';
import { Delivery, deliverOnce, filesOfCancelled } from './runner/delivery.js';
import type { StopReason } from './runner/outcome.js';
import type { RunnerContext } from './runner/runner-context.js';
import { settle } from './runner/settle.js';
import type { Spool } from './runner/spool.js';
import { endStray } from './runner/stray-trainers.js';
import { allWorkspaces, removeOldJobs, type Workspace } from './runner/workspace.js';

/** A trainer that lost its worker saves what it has; large models take a while. */
const STRAY_GRACE_MS = 120_000;
const KEEP_UNFINISHED_MS = 7 * 24 * 3600 * 1000;

interface Leftover {
  job: JobRef;
  isSession: boolean;
  workspace: Workspace;
  spool: Spool;
}

/** What a worker that ended before left on this host. */
export interface Leftovers {
  /** Attempts that ended, with reports that the API has not got: they are still held. */
  ended: Leftover[];
  /** Attempts that the crash interrupted. */
  interrupted: Leftover[];
}

/** Ends the trainers that outlived a crashed worker, and finds what is still to be delivered. */
export const collectLeftovers = async ({ launcher, workerDir, graceMs, log }: RunnerContext): Promise<Leftovers> => {
  const found: Leftovers = { ended: [], interrupted: [] };
  for (const stray of (await launcher.endStrays?.(graceMs ?? STRAY_GRACE_MS)) ?? [])
    log.warn({ stray }, 'Ended a container that outlived its worker');
  for (const workspace of await allWorkspaces(workerDir)) {
    if (await endStray(workspace.dir, graceMs ?? STRAY_GRACE_MS))
      log.warn({ workspace: workspace.dir }, 'Ended a trainer that outlived its worker');
    await workspace
      .removeCaches()
      .catch((error) => log.warn({ err: error, workspace: workspace.dir }, 'Its caches could not be removed'));
    const leftover = await openLeftover(workspace, log);
    if (leftover) (leftover.spool.isSealed ? found.ended : found.interrupted).push(leftover);
  }
  for (const { job, workspace } of found.interrupted)
    log.info(
      { ...job, workspace: workspace.dir },
      'Left behind by an attempt that was interrupted; kept for a next one',
    );
  await forgetOldJobs({ workerDir, log }, new Set(found.ended.map(({ job }) => job.jobId)));
  return found;
};

/** Frees the disk of what interrupted attempts left, once it is unlikely that their jobs go on here. */
export const forgetOldJobs = async (
  { workerDir, log }: Pick<RunnerContext, 'workerDir' | 'log'>,
  inUse: ReadonlySet<string>,
): Promise<void> => {
  const before = new Date(Date.now() - KEEP_UNFINISHED_MS);
  for (const jobId of await removeOldJobs({ workerDir, inUse, before }))
    log.info({ jobId }, 'Removed what interrupted attempts left here; for a week no other came');
};

/** Undefined for a folder that is of no use; a damaged one must not keep the worker from starting. */
const openLeftover = async (workspace: Workspace, log: Logger): Promise<Leftover | undefined> => {
  try {
    const job = await workspace.job();
    if (!job) return undefined;
    const { jobId, attempt, tenantId } = job;
    const isSession = job.session !== undefined;
    return { job: { jobId, attempt, tenantId }, isSession, workspace, spool: await workspace.openSpool() };
  } catch (error) {
    log.warn({ err: error, workspace: workspace.dir }, 'A folder of an earlier run cannot be read; it is left alone');
    return undefined;
  }
};

/** Sends what interrupted attempts still had to say. Only possible until the API hands their jobs back. */
export const deliverInterrupted = async (leftovers: Leftovers, api: Api, log: Logger): Promise<void> => {
  for (const { job, workspace, spool } of leftovers.interrupted) {
    if (await deliverOnce({ job, spool, api, jobDir: workspace.jobDir, log })) await spool.discard();
  }
};

/** Goes on delivering how an attempt ended. */
export const resumeDelivery = (
  { job, isSession, workspace, spool }: Leftover,
  context: RunnerContext,
): DeliveryHandle => {
  const { api, log, pace } = context;
  const { jobDir } = workspace;
  const delivery = new Delivery({ job, spool, api, jobDir, log, retryMs: pace.retryMs });
  const delivered = delivery.ended.then(async (end) => {
    await settle({ end, status: delivery.endStatus, workspace, spool, keep: context.keepWorkspaces });
    return end;
  });
  const requestStop = (reason: StopReason): void => {
    if (reason === 'cancel') delivery.cancel(filesOfCancelled(isSession));
  };
  return { job, delivered, requestStop, finish: (patienceMs) => delivery.finish(patienceMs) };
};

export interface DeliveryHandle {
  job: JobRef;
  delivered: Promise<unknown>;
  requestStop: (reason: StopReason) => void;
  allowSteps?: (total: number) => void;
  /** Delivers what is still there, as long as something gets through. */
  finish: (patienceMs: number) => Promise<void>;
}
