import { AppError, type ClaimedJob, type TrainingSpec } from '@influencerai/shared';
import { findTrainer, specDigest, type Plan, type RunFacts, type Trainer } from '@influencerai/trainers';
import { statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { ProvidedDataset } from '../datasets/dataset-access.js';
import { gpuEnvironment } from '../gpu-discovery.js';
import { hostFacts } from '../host-facts.js';
import { offeredModel } from '../models-file.js';
import type { Slot } from '../slots.js';
import { listDataset } from './dataset-listing.js';
import { PassingLack, type LaunchRequest } from './launcher.js';
import { trainerFields } from './outcome.js';
import { findResumption, openNewest, statesIn, type Resumption } from './resume.js';
import type { RunnerContext } from './runner-context.js';
import { WORKSPACE_MARK } from './stray-trainers.js';
import type { Workspace } from './workspace.js';

export interface PrepareInput {
  context: RunnerContext;
  job: ClaimedJob;
  slot: Slot;
  workspace: Workspace;
  dataset: Pick<ProvidedDataset, 'path' | 'digest'>;
  log: Logger;
}

/** Everything that stands ready before a trainer is launched. */
export interface Preparation {
  trainer: Trainer;
  launch: LaunchRequest;
  run: RunFacts;
  /** For the header of the final weights. */
  stamp: Record<string, string>;
  resumption: Resumption;
  dataset: PrepareInput['dataset'];
  /** How often the batch was halved. */
  halvings: number;
  /** Whether it stops by itself when its loss goes wrong. */
  isDriven: boolean;
  /** The first lines of the job's log. */
  notes: string[];
}

const NOT_INSTALLED = 'it is not installed.';

/**
 * Finds the trainer, the dataset and the state to go on from, and writes the plan's files.
 * @throws AppError `trainer_unavailable`, `dataset_unreadable`, `spec_unsupported`; PassingLack when the disk is too small
 */
export const prepare = async (input: PrepareInput): Promise<Preparation> => {
  const { context, job, workspace, log } = input;
  const trainer = findTrainer(job.spec.trainer);
  if (!trainer) throw new AppError('trainer_unavailable', { trainer: job.spec.trainer, reason: NOT_INSTALLED });
  const problem = await context.startProblem(trainer.id);
  if (problem !== undefined) throw new AppError('trainer_unavailable', { trainer: trainer.id, reason: problem });
  const resumption = await findResumption({ job, trainer, workspace, api: context.api, log });
  // Another host may have more memory, so only this one remembers.
  const course = { trainer, resumption, halvings: (await workspace.wasShrunk()) ? 1 : 0 };
  const plan = await planFor(input, course);
  await assertRoom(plan, workspace);
  return writePlan(input, course, plan);
};

/** What other jobs on this disk still come to write is not known; one that runs full all the same is a fault of the host. */
const assertRoom = async ({ diskBytes }: Plan, { dir }: Workspace): Promise<void> => {
  const { bavail, bsize } = await statfs(dir);
  const freeBytes = bavail * bsize;
  if (freeBytes >= diskBytes) return;
  throw new PassingLack(
    `The job needs about ${inMib(diskBytes)} on the worker's disk, which has ${inMib(freeBytes)} left.`,
  );
};

const inMib = (bytes: number): string => `${Math.ceil(bytes / 1024 / 1024)} MiB`;

/**
 * The same attempt again after it ran out of memory, from its newest state, with half the batch and as
 * much more accumulation. Undefined where the tenant did not ask for it, or it was done already.
 */
export const prepareSmaller = async (
  input: PrepareInput,
  { trainer, resumption, halvings }: Preparation,
): Promise<Preparation | undefined> => {
  const { training, onOutOfMemory } = input.job.spec;
  if (onOutOfMemory !== 'shrink' || halvings > 0 || training.batchSize < 2) return undefined;
  await input.workspace.noteShrunk();
  const { from, older } = await openNewest(await statesIn(input.workspace, trainer), input.log);
  const course = { trainer, resumption: from ? { ...resumption, from, older } : resumption, halvings: 1 };
  return writePlan(input, course, await planFor(input, course));
};

/**
 * The same attempt again after its trainer could not go on from a state: from the one before it or, where there is none
 * or that one failed too, from the start. Another copy of the same state is no older one.
 */
export const prepareOlder = async (
  input: PrepareInput,
  { trainer, resumption, halvings }: Preparation,
): Promise<Preparation> => {
  const { from, older } = await openNewest(resumption.older, input.log);
  const isCopy = from?.step === resumption.from?.step;
  const course = { trainer, resumption: { ...resumption, from, older: isCopy ? older : [] }, halvings };
  return writePlan(input, course, await planFor(input, course));
};

interface Course {
  trainer: Trainer;
  resumption: Resumption;
  halvings: number;
}

const planFor = async (input: PrepareInput, { trainer, resumption, halvings }: Course): Promise<Plan> => {
  const { context, job, workspace } = input;
  const { jobId, attempt, spec } = job;
  const model = offeredModel(context, trainer, spec);
  const dataset = await listDataset(spec, input.dataset.path);
  const plan = trainer.plan(spec, {
    jobId,
    attempt,
    workspaceDir: workspace.dir,
    dataset,
    host: hostFacts(input.slot.gpus, await context.programs.hasPackage(trainer.id, 'bitsandbytes')),
    model,
    resumeFrom: resumption.from,
    isBudgeted: job.session ? true : undefined,
    halvings,
  });
  if (job.session && plan.stdin === 'none')
    throw new AppError('spec_unsupported', { trainer: trainer.id, reason: NO_GATE });
  return plan;
};

const writePlan = async (input: PrepareInput, course: Course, plan: Plan): Promise<Preparation> => {
  const { context, workspace } = input;
  const { spec } = input.job;
  const { trainer, resumption, halvings } = course;
  for (const file of plan.files) await workspace.write(file.path, file.content);
  for (const link of plan.links) await workspace.link(link.path, link.target);
  return {
    trainer,
    launch: await toLaunch(input, trainer, plan),
    run: runFacts(plan, spec, resumption),
    stamp: stampFor(input, await context.programs.version(spec.trainer)),
    resumption,
    dataset: input.dataset,
    halvings,
    isDriven: plan.stdin === 'commands',
    notes: notesFor(input, plan, resumption),
  };
};

const NO_GATE = 'a session has to wait between its steps, which several GPUs do not. Submit it as a job.';

/** Which job made these weights, from what, with what. */
const stampFor = (
  { job: { jobId, attempt, spec }, dataset }: PrepareInput,
  version: string | undefined,
): Record<string, string> => ({
  job_id: jobId,
  attempt: String(attempt),
  trainer: spec.trainer,
  trainer_version: version ?? 'unknown',
  base_model: spec.baseModel,
  dataset_digest: dataset.digest ?? spec.dataset.digest ?? '',
  spec_digest: specDigest(spec),
});

const indexesOf = ({ gpus }: Slot): number[] => gpus.map(({ index }) => index);

const runFacts = ({ steps }: Plan, { training }: TrainingSpec, { from }: Resumption): RunFacts => ({
  startStep: from?.step ?? 0,
  totalSteps: steps.total,
  totalEpochs: training.maxSteps === null ? training.epochs : Math.ceil(steps.total / steps.perEpoch),
});

const toLaunch = async (
  { context, job, slot, workspace }: PrepareInput,
  trainer: Trainer,
  plan: Plan,
): Promise<LaunchRequest> => {
  const [name, ...args] = plan.command;
  const program = await context.programs.find(name);
  if (!program) throw new AppError('trainer_unavailable', { trainer: name, reason: NOT_INSTALLED });
  const [file, ...leading] = program;
  const downloads = trainer.usesHub && plan.env['HF_HUB_OFFLINE'] !== '1';
  const env = {
    ...context.trainerBase,
    // A job that needs nothing of the hub gets no token for it.
    ...(downloads && context.hubBase),
    ...(trainer.usesEmbeddings && context.embeddingsBase),
    HOME: workspace.tmpDir,
    TMPDIR: workspace.tmpDir,
    ...gpuEnvironment(slot.gpus),
    ...plan.env,
    [WORKSPACE_MARK]: workspace.dir,
  };
  return {
    file,
    args: [...leading, ...args],
    env,
    workspaceDir: workspace.dir,
    reads: downloads ? [...plan.reads, ...context.hubFiles] : plan.reads,
    job: { jobId: job.jobId, attempt: job.attempt, trainer: job.spec.trainer },
    gpus: indexesOf(slot),
  };
};

const notesFor = ({ job, slot }: PrepareInput, plan: Plan, { from }: Resumption): string[] => {
  const { spec, attempt } = job;
  const { note } = trainerFields(spec);
  const place = slot.gpus[0] ? `GPU ${indexesOf(slot).join(', ')} (${slot.gpus[0].name})` : `CPU slot ${slot.index}`;
  const isLater = attempt > 1 || job.session?.isContinued === true;
  const examples = `${spec.dataset.examples} ${spec.kind === 'image' ? 'pictures' : 'rows'}`;
  return [
    `Attempt ${attempt} on ${hostname()}, ${place}: ${spec.trainer} trains ${spec.output.name} on ${examples} of ${spec.dataset.path}.`,
    ...(note ? [note.replace(/^Trained/, 'Training')] : []),
    ...(spec.dataset.leftOut ? [`Left out, since they cannot be used: ${spec.dataset.leftOut.join(', ')}.`] : []),
    ...(from ? [`Going on from the state of step ${from.step}.`] : []),
    ...(isLater && !from ? ['No state of an earlier attempt was found; starting over.'] : []),
    ...plan.mapping
      .filter(({ how }) => how !== 'exact')
      .map(({ field, how, to, reason }) => `${field} ${how}${to ? ` (${to})` : ''}: ${reason ?? ''}`),
  ];
};
