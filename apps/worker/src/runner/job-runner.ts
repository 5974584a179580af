import { AppError, type ClaimedJob, type JobMetric, type TrainerEvent } from '@influencerai/shared';
import { findModel, findTrainer, memoryHint, type Failure, type Trainer } from '@influencerai/trainers';
import type { Logger } from 'pino';
import { verdictOf } from '../api/api.js';
import type { ProvidedDataset } from '../datasets/dataset-access.js';
import type { Slot } from '../slots.js';
import { ArtifactUploader } from './artifact-uploader.js';
import { CurveLog } from './curve-log.js';
import { namesDamage } from './damage-signs.js';
import { CANCELLED_FILES_MS, Delivery, type DeliveryEnd, filesOfCancelled } from './delivery.js';
import { describeEvent } from './describe-event.js';
import { JobRecord } from './job-record.js';
import { FileFinder } from './file-finder.js';
import { HostFault, HostLack, PassingLack, type LaunchExit, type RunningTrainer } from './launcher.js';
import { LogShipper } from './log-shipper.js';
import { lossCurveSvg } from './loss-curve.js';
import {
  brokenOff,
  cancelled,
  closingNote,
  completed,
  failed,
  handedBack,
  refused,
  toFailure,
  withSteps,
  withVersion,
  trainerFields,
  type EndBody,
  type StopReason,
} from './outcome.js';
import { prepare, prepareOlder, prepareSmaller, type Preparation } from './preparation.js';
import { ProgressTracker } from './progress-tracker.js';
import { repeat, type Repetition } from './repeat.js';
import { redactor } from './redact.js';
import { Reporter } from './reporter.js';
import type { RunnerContext } from './runner-context.js';
import type { Spool } from './spool.js';
import { StepBudget } from './step-budget.js';
import { TrainerOutput } from './trainer-output.js';
import { settle } from './settle.js';
import type { Workspace } from './workspace.js';

const DISK_FAULTS = ['ENOSPC', 'EDQUOT', 'EROFS'];
const LOSS_CURVE = 'loss-curve.svg';
const STRENGTH: Record<StopReason, number> = { release: 1, drain: 1, cancel: 2, lost: 3 };

export interface JobRunnerInput {
  context: RunnerContext;
  job: ClaimedJob;
  slot: Slot;
  workspace: Workspace;
  spool: Spool;
  log: Logger;
}

/**
 * Runs one attempt at a job: prepares, launches, listens, and sees to it that the end is known. The slot is free once
 * `run` resolves; the reports may still be on their way then, until `delivered` resolves.
 */
export class JobRunner {
  readonly delivered: Promise<DeliveryEnd>;
  readonly #delivery: Delivery;
  readonly #logs: LogShipper;
  readonly #reporter: Reporter;
  readonly #curve: CurveLog;
  readonly #progress = new ProgressTracker();
  readonly #startedAtMs = Date.now();
  #stamp: Record<string, string> = {};
  /** Set once the trainer is known. */
  #finder: FileFinder | undefined;
  #record = new JobRecord({ checkpoints: [], samples: [], points: [] });
  #uploader: ArtifactUploader;
  /** Of a session. */
  readonly #budget: StepBudget | undefined;
  #running: RunningTrainer | undefined;
  #stop: StopReason | undefined;
  /** Ends what goes on before the launch. */
  readonly #stopping = new AbortController();
  #end: EndBody | undefined;
  #hasLaunched = false;
  /** Whether the trainer that was launched last did a step. */
  #hasStepped = false;
  #lastFiles: NodeJS.Timeout | undefined;

  constructor(private readonly input: JobRunnerInput) {
    const { context, job, workspace, spool, log } = input;
    const { api, pace } = context;
    const { jobDir } = workspace;
    this.#delivery = new Delivery({ job, spool, api, jobDir, log, retryMs: pace.retryMs });
    this.#logs = new LogShipper({
      sink: { add: (lines) => this.#spool({ type: 'logs', lines }), undelivered: () => spool.count('reports') },
      everyMs: context.pace.logsMs,
      now: () => new Date(),
      onError: (error) => log.error({ err: error }, 'Log lines could not be kept'),
    });
    this.#reporter = new Reporter({
      send: (body) => context.api.updateJob(job, withSteps(body, this.#sessionSteps)),
      everyMs: context.pace.progressMs,
      onLost: () => this.requestStop('lost'),
      onError: (error) => log.error({ err: error }, 'The API refused a progress report'),
    });
    this.#curve = new CurveLog(input.workspace.dir, (error) =>
      log.error({ err: error }, 'The loss curve could not be kept'),
    );
    this.#uploader = this.#newUploader();
    this.#budget = this.#newBudget();
    this.delivered = this.#delivery.ended.then((ended) => this.#afterDelivery(ended));
  }

  /** Ends the attempt early; a stronger reason replaces a weaker one. */
  requestStop(reason: StopReason): void {
    if (this.#end) return this.#stopAfterEnd(reason, this.#end);
    if (this.#stop && STRENGTH[this.#stop] >= STRENGTH[reason]) return;
    this.#stop = reason;
    this.#stopping.abort();
    this.input.log.info({ reason }, 'Stopping');
    if (this.#running) this.#stopTrainer(this.#running, reason);
  }

  /** Steps that a session may do in all, as they are by now. */
  allowSteps(total: number): void {
    this.#budget?.allow(total);
  }

  /** False while nothing of the attempt is worth keeping. */
  get hasLaunched(): boolean {
    return this.#hasLaunched;
  }

  /** Delivers what is still there, as long as something gets through. */
  finishDelivery(patienceMs: number): Promise<void> {
    return this.#delivery.finish(patienceMs);
  }

  /** Leaves what is undelivered to the next start of the worker. */
  stopDelivery(): void {
    this.#delivery.stop();
  }

  async run(): Promise<void> {
    const end = await this.#train().catch((error: unknown) => {
      if (!this.#hasLaunched && isHostFault(error)) throw error;
      this.input.log.error({ err: error }, 'The attempt failed');
      if (this.#stop === 'cancel') return cancelled(this.input.job.spec, this.#record);
      if (!this.#hasLaunched && isLack(error)) return refused(error.message, error instanceof PassingLack);
      if (isDiskFault(error)) return brokenOff('The disk of the worker is full.');
      return failed(toFailure(error), this.input.job.spec, this.#record);
    });
    if (this.#stop === 'lost') return this.#abandon();
    await this.#finish(end);
  }

  async #train(): Promise<EndBody> {
    const dataset = await this.#provideDataset();
    if (!dataset) return this.#stopped();
    try {
      return await this.#trainOn(dataset);
    } finally {
      await dataset.release();
    }
  }

  /** Undefined when the attempt was stopped meanwhile, or is another worker's by now. */
  async #provideDataset(): Promise<ProvidedDataset | undefined> {
    const { context, job, workspace } = this.input;
    const target = workspace.fetchedDatasetDir;
    const tell = {
      note: (text: string) => this.#logs.note(text),
      stage: (stage: string) => this.#reporter.report({ stage, ...trainerFields(job.spec) }),
    };
    try {
      const dataset = await context.datasets.provide({ job, target, signal: this.#stopping.signal, tell });
      const was = job.spec.dataset.digest;
      if (was !== null && dataset.digest !== undefined && dataset.digest !== was)
        tell.note(
          `The dataset was ${was} when it was measured and is ${dataset.digest} now, as which it is trained on.`,
        );
      return dataset;
    } catch (error) {
      if (verdictOf(error) === 'lost') this.requestStop('lost');
      if (this.#stop) return undefined;
      throw error;
    }
  }

  #stopped(): EndBody {
    return this.#stop === 'cancel' ? cancelled(this.input.job.spec, this.#record) : handedBack();
  }

  async #trainOn(dataset: ProvidedDataset): Promise<EndBody> {
    const preparation = await prepare({ ...this.input, dataset });
    const { resumption, stamp, notes } = preparation;
    this.#record = new JobRecord(resumption);
    this.#stamp = stamp;
    this.#uploader = this.#newUploader();
    for (const point of resumption.unreported) this.#reporter.addPoint(point);
    for (const note of notes) this.#logs.note(note);
    for (const entry of resumption.undelivered) await this.#spool(entry);
    if (this.#stop) return this.#stopped();
    return this.#launch(preparation);
  }

  async #launch(preparation: Preparation): Promise<EndBody> {
    const { context, workspace, log } = this.input;
    const { trainer, launch, run, isDriven } = preparation;
    const output = new TrainerOutput(trainer.createParser(run), {
      redact: redactor(context.secrets),
      onEvent: (event) => {
        this.#takeEvent(event);
        if (!isDriven && isLossError(event)) this.#stopSpoiled();
      },
      onLine: (stream, line) => this.#logs.push(stream, line),
    });
    this.#hasStepped = false;
    const finder = (this.#finder ??= new FileFinder(trainer, workspace));
    const running = await context.launcher.launch(launch, output);
    const looking = isDriven ? undefined : this.#lookForFiles(finder);
    const exit = await this.#follow(running);
    await looking?.stop();
    for (const event of await finder.remaining({ hasFailed: exit.exitCode !== 0 })) this.#takeEvent(event);
    await Promise.all([this.#uploader.settled(), this.#curve.settled()]);
    log.info({ ...exit, stop: this.#stop }, 'The trainer ended');
    if (this.#stop === 'lost') return handedBack();
    const retried = await this.#retry(preparation, exit, output.tail);
    return retried ?? this.#judge(trainer, exit, output.tail);
  }

  /** Only the folder tells what a trainer without our driver has made so far. */
  #lookForFiles(finder: FileFinder): Repetition {
    const { context, log } = this.input;
    const look = async (): Promise<void> => {
      for (const event of await finder.settled()) this.#takeEvent(event);
    };
    // Trainers remove old files while they are looked at.
    const onError = (error: unknown): void => log.debug({ err: error }, 'The folder could not be looked through');
    return repeat(look, { everyMs: context.pace.filesMs, onError });
  }

  /** A trainer without a gate would write its next checkpoint over a good one. */
  #stopSpoiled(): void {
    this.#running?.stop(0).catch((error: unknown) => {
      this.input.log.error({ err: error }, 'The trainer could not be stopped');
    });
  }

  async #retry(preparation: Preparation, exit: LaunchExit, tail: string[]): Promise<EndBody | undefined> {
    if (this.#stop || this.#record.final !== undefined || exit.exitCode === 0) return undefined;
    const failure = preparation.trainer.explainFailure({ ...exit, tail, events: this.#record.notable });
    if (failure.code === 'trainer_out_of_memory') return this.#retrySmaller(preparation, failure);
    if (failure.code !== 'trainer_crashed' || failure.isOfHost || this.#hasStepped) return undefined;
    return namesDamage(tail, this.#record.notable) ? this.#retryOlder(preparation, failure) : undefined;
  }

  /** A state may be damaged in ways that only its trainer sees: it fails to load it, before it does a step. */
  async #retryOlder(preparation: Preparation, { error }: Failure): Promise<EndBody | undefined> {
    const failed = preparation.resumption.from;
    if (!failed) return undefined;
    const next = await prepareOlder({ ...this.input, dataset: preparation.dataset }, preparation);
    const { from } = next.resumption;
    const instead = from ? `Going on from the state of step ${from.step}.` : 'Starting over.';
    this.#logs.note(`The trainer could not go on from the state of step ${failed.step}: ${error} ${instead}`);
    this.#record.forgetFailure();
    return this.#launch(next);
  }

  async #retrySmaller(preparation: Preparation, failure: Failure): Promise<EndBody | undefined> {
    const smaller = await prepareSmaller({ ...this.input, dataset: preparation.dataset }, preparation);
    if (!smaller) return undefined;
    this.#logs.note(`${failure.error} Going on with a smaller batch and more gradient accumulation.`);
    for (const note of smaller.notes) this.#logs.note(note);
    this.#record.forgetFailure();
    return this.#launch(smaller);
  }

  async #follow(running: RunningTrainer): Promise<LaunchExit> {
    this.#running = running;
    this.#hasLaunched = true;
    // Asked to stop while the process was being started.
    if (this.#stop) this.#stopTrainer(running, this.#stop);
    const exit = await running.exited;
    this.#running = undefined;
    this.#budget?.reset();
    return exit;
  }

  #takeEvent(event: TrainerEvent): void {
    this.#record.take(event);
    if ('path' in event) this.#finder?.know(event.path);
    if (event.event === 'progress') this.#hasStepped = true;
    const point = this.#progress.take(event, Date.now());
    if (point) this.#takePoint(point);
    if (event.event === 'progress' || event.event === 'start') {
      this.#reporter.report({ progress: this.#progress.progress, ...trainerFields(this.input.job.spec) });
    }
    if (event.event === 'checkpoint' && event.statePath) this.#curve.flush();
    this.#uploader.take(event);
    this.#budget?.take(event);
    // Whoever goes on with a session, wherever, begins with what was trained for.
    if (event.event === 'paused') void this.#uploader.addNewestState();
    const text = describeEvent(event);
    if (text) this.#logs.note(text);
  }

  #takePoint(point: JobMetric): void {
    this.#record.addPoint(point);
    this.#curve.add(point);
    this.#reporter.addPoint(point);
  }

  async #judge(trainer: Trainer, exit: LaunchExit, tail: string[]): Promise<EndBody> {
    const { spec } = this.input.job;
    const record = this.#record;
    if (this.#stop === 'cancel') {
      // A new session of its name goes on from there, where this one is deleted.
      if (this.input.job.session) await this.#uploader.addNewestState();
      return cancelled(spec, record);
    }
    // Scripts that end well save whatever they have, weights of a loss that went wrong too.
    const isSpoiled = record.notable.some(isLossError);
    if (record.final !== undefined && !isSpoiled && (exit.exitCode === 0 || record.done)) {
      return completed({
        spec,
        record,
        startedAtMs: this.#startedAtMs,
        endedAtMs: Date.now(),
        lossCurve: await this.#addLossCurve(),
      });
    }
    // Somebody else may have asked the trainer to stop, as a host that shuts down does.
    if (this.#stop === 'drain' || this.#stop === 'release' || (record.isAborted && exit.exitCode === 0)) {
      await this.#uploader.addNewestState();
      return handedBack();
    }
    const failure = trainer.explainFailure({ ...exit, tail, events: record.notable });
    if (failure.isOfHost) {
      await this.#uploader.addNewestState();
      return brokenOff(failure.error);
    }
    if (failure.isLack && !this.#hasStepped) return refused(failure.error, false);
    await this.#addLossCurve();
    const isMemory = failure.code === 'trainer_out_of_memory';
    return failed(
      {
        ...failure,
        hint: isMemory ? memoryHint(spec, findModel(this.input.context.models, spec.baseModel)) : failure.hint,
      },
      spec,
      record,
    );
  }

  async #addLossCurve(): Promise<string | undefined> {
    if (this.#record.points.length < 2) return undefined;
    const svg = lossCurveSvg(this.#record.points, `Loss of ${this.input.job.spec.output.name}`);
    const file = await this.input.workspace.write(`upload/${LOSS_CURVE}`, svg);
    await this.#spool({ type: 'artifact', name: LOSS_CURVE, kind: 'loss-curve', file });
    return LOSS_CURVE;
  }

  async #finish(outcome: EndBody): Promise<void> {
    const end = withSteps(withVersion(outcome, this.#stamp['trainer_version']), this.#sessionSteps);
    this.#end = end;
    this.#logs.note(closingNote(end));
    await this.#logs.flush();
    for (const metrics of await this.#reporter.close()) await this.#spool({ type: 'metrics', metrics });
    await this.#spool({ type: 'end', body: end });
    if (this.#stop === 'cancel') this.#stopAfterEnd('cancel', end);
    this.input.log.info({ status: end.status, result: end.result }, 'The attempt is over');
  }

  /** Once the end is known the answer to its report is what counts, but a cancelled job waits for no upload. */
  #stopAfterEnd(reason: StopReason, end: EndBody): void {
    if (reason !== 'cancel') return;
    if (end.status !== 'cancelled') return this.#cancelDelivery();
    // What was saved before the job was cancelled may still go, for a while.
    this.#lastFiles ??= setTimeout(() => this.#cancelDelivery(), CANCELLED_FILES_MS).unref();
  }

  #cancelDelivery(): void {
    this.#delivery.cancel(filesOfCancelled(this.input.job.session !== undefined));
  }

  async #abandon(): Promise<void> {
    await this.#reporter.close();
    await this.#logs.flush();
    this.#delivery.stop();
    this.input.log.info('Another attempt or an end took over; the reports are dropped');
  }

  async #afterDelivery(ended: DeliveryEnd): Promise<DeliveryEnd> {
    if (ended === 'lost') this.requestStop('lost');
    const end = this.#stop === 'lost' && !this.#end ? 'lost' : ended;
    const { context, workspace, spool } = this.input;
    clearTimeout(this.#lastFiles);
    await settle({ end, status: this.#delivery.endStatus, workspace, spool, keep: context.keepWorkspaces });
    return end;
  }

  async #spool(entry: Parameters<Spool['add']>[0]): Promise<void> {
    await this.input.spool.add(entry);
    this.#delivery.wake();
  }

  #stopTrainer(running: RunningTrainer, reason: StopReason): void {
    running.stop(reason === 'lost' ? 0 : this.#graceMs).catch((error: unknown) => {
      this.input.log.error({ err: error }, 'The trainer could not be stopped');
    });
  }

  /** What the operator allows, or else what the trainer needs. */
  get #graceMs(): number {
    const { context, job } = this.input;
    return context.graceMs ?? findTrainer(job.spec.trainer)?.graceMs ?? 0;
  }

  /** Of a session, once it is known. */
  get #sessionSteps(): number | undefined {
    return this.input.job.session && this.#record.step > 0 ? this.#record.step : undefined;
  }

  #newBudget(): StepBudget | undefined {
    const { session } = this.input.job;
    if (!session) return undefined;
    return new StepBudget({
      session,
      grant: (steps) => this.#running?.send({ command: 'grant', steps }),
      onIdle: () => this.requestStop('release'),
    });
  }

  #newUploader(): ArtifactUploader {
    return new ArtifactUploader({
      workspace: this.input.workspace,
      record: this.#record,
      add: (entry) => this.#spool(entry),
      note: (text) => this.#logs.note(text),
      stamp: this.#stamp,
      finalKind: this.input.job.spec.trainer === 'retrieval' ? 'index' : 'lora',
      now: Date.now,
    });
  }
}

const isLossError = (event: TrainerEvent): boolean =>
  event.event === 'error' && ['loss_not_finite', 'loss_diverged'].includes(event.code);

/** What the job needs is not on this host, and may be on another. */
const isLack = (error: unknown): error is Error =>
  error instanceof HostLack ||
  (error instanceof AppError && ['model_unavailable', 'trainer_unavailable'].includes(error.code));

/** This host's own trouble: the job can run elsewhere. */
const isHostFault = (error: unknown): boolean => error instanceof HostFault || isDiskFault(error);

const isDiskFault = (error: unknown): boolean =>
  error instanceof Error && DISK_FAULTS.includes((error as NodeJS.ErrnoException).code ?? '');
