import { AppError, type TrainingSpec, type UpdateJob } from '@influencerai/shared';
import type { Failure } from '@influencerai/trainers';
import { basename } from 'node:path/posix';
import { cleanText } from './clean-text.js';
import type { JobRecord } from './job-record.js';

/** Why a trainer was stopped from outside, if it was. */
export type StopReason = 'cancel' | 'drain' | 'release' | 'lost';

export type EndBody = Omit<UpdateJob, 'attempt'>;

type Result = NonNullable<UpdateJob['result']>;

const FILE_LISTS = new Set(['checkpoints', 'partialCheckpoints', 'samples']);

export interface EndInput {
  spec: TrainingSpec;
  record: JobRecord;
  startedAtMs: number;
  endedAtMs: number;
  lossCurve: string | undefined;
}

/** Result of a job whose final weights are there. */
export const completed = ({ spec, record, startedAtMs, endedAtMs, lossCurve }: EndInput): EndBody => {
  const final = record.final!;
  const [first, last] = [record.points[0], record.points.at(-1)];
  return {
    status: 'completed',
    result: withoutUndefined({
      ...(spec.trainer === 'retrieval' ? { indexPath: `${spec.output.dir}/${final}` } : madeBy(spec, record, final)),
      lossCurve,
      finalLoss: record.done?.loss ?? last?.loss,
      initialLoss: first?.loss,
      averageLoss: averageLoss(record.points),
      steps: record.done?.step ?? record.step,
      trainingTimeMinutes: minutes(endedAtMs - startedAtMs),
      ...trainerFields(spec),
    }),
  };
};

const madeBy = ({ output }: TrainingSpec, { checkpoints, samples }: JobRecord, final: string) => ({
  loraPath: `${output.dir}/${final}`,
  checkpoints: [...checkpoints.filter((name) => name !== final), final],
  samples,
});

/** Where the weights or the index lie. */
const finalPath = (result: EndBody['result']): string => String(result?.['loraPath'] ?? result?.['indexPath']);

export const failed = (failure: Failure, spec: TrainingSpec, record: JobRecord): EndBody => ({
  status: 'failed',
  result: withoutUndefined({
    error: cleanText(failure.error),
    code: failure.code,
    hint: failure.hint && cleanText(failure.hint),
    epoch: record.epoch,
    partialCheckpoints: record.checkpoints,
    ...trainerFields(spec),
  }),
});

export const cancelled = (spec: TrainingSpec, record: JobRecord): EndBody => ({
  status: 'cancelled',
  result: { partialCheckpoints: record.checkpoints, epoch: record.epoch, ...trainerFields(spec) },
});

/** The end with the commit or release of the trainer, where one ran. */
export const withVersion = (end: EndBody, trainerVersion: string | undefined): EndBody =>
  end.result && trainerVersion !== undefined ? { ...end, result: { ...end.result, trainerVersion } } : end;

/** The job goes on elsewhere, from its last state. */
export const handedBack = (): EndBody => ({ status: 'pending' });

/** The job goes to another host, since this one lacks what it needs; it comes back here when that may have passed. */
export const refused = (refusal: string, isPassing: boolean): EndBody => ({
  status: 'pending',
  refusal,
  ...(isPassing && { isPassing }),
});

/** The job goes on elsewhere, from its last state, after this host broke the attempt off. */
export const brokenOff = (interruption: string): EndBody => ({ status: 'pending', interruption });

export interface Amendment {
  /** Files that the API has not got, with the reason. */
  leftOut: ReadonlyMap<string, string>;
  isCancelled: boolean;
}

/** The end with the steps that a session has done. */
export const withSteps = (end: EndBody, steps: number | undefined): EndBody =>
  steps === undefined ? end : { ...end, steps };

/** The end with what happened on the way: it names no file that the API has not got. */
export const amendEnd = (end: EndBody, amendment: Amendment): EndBody =>
  withSteps(amendResult(end, amendment), end.steps);

const amendResult = (end: EndBody, { leftOut, isCancelled }: Amendment): EndBody => {
  const result = withoutFiles(end.result ?? {}, leftOut);
  const { trainer, requestedTrainer, note, epoch } = result;
  const partialCheckpoints = result['checkpoints'] ?? result['partialCheckpoints'] ?? [];
  const early = { partialCheckpoints, epoch, trainer, requestedTrainer, note };
  if (isCancelled) return { status: 'cancelled', result: withoutUndefined(early) };
  const reason = leftOut.get(basename(finalPath(end.result)));
  if (end.status !== 'completed' || reason === undefined) return end.result ? { ...end, result } : end;
  return {
    status: 'failed',
    result: withoutUndefined({
      error: `The final ${end.result?.['indexPath'] ? 'index' : 'weights'} could not be uploaded: ${reason}`,
      code: 'trainer_output_missing',
      ...early,
    }),
  };
};

const withoutFiles = (result: Result, leftOut: Amendment['leftOut']): Result =>
  Object.fromEntries(
    Object.entries(result)
      .filter(([key, value]) => key !== 'lossCurve' || !leftOut.has(String(value)))
      .map(([key, value]) => [
        key,
        FILE_LISTS.has(key) && Array.isArray(value) ? value.filter((name) => !leftOut.has(String(name))) : value,
      ]),
  );

/** The last line of an attempt's log. */
export const closingNote = ({ status, result, refusal, interruption }: EndBody): string => {
  if (status === 'completed') return `Completed: ${finalPath(result)}`;
  if (status === 'failed') return `Failed: ${String(result?.['error'])}`;
  if (status === 'cancelled') return 'Cancelled.';
  if (refusal) return `Handed back for another worker: ${refusal}`;
  if (interruption) return `Handed back; the job goes on from its last state on another worker: ${interruption}`;
  return 'Handed back; the job goes on from its last state.';
};

/** A failure before or beside the trainer, as the tenant sees it. */
export const toFailure = (error: unknown): Failure => {
  if (error instanceof AppError) return { code: error.code, error: error.message };
  const reason = error instanceof Error ? error.message : String(error);
  return { code: 'trainer_crashed', error: new AppError('trainer_crashed', { reason }).message };
};

/** Which trainer ran the job, and in place of which. */
export const trainerFields = (spec: TrainingSpec): { trainer: string; requestedTrainer: string; note?: string } => {
  const { trainer, requestedTrainer } = spec;
  if (trainer === requestedTrainer) return { trainer, requestedTrainer };
  const note = `Trained on ${trainer} in place of ${requestedTrainer}: the weights show the workflow and do not fit ${spec.baseModel}.`;
  return { trainer, requestedTrainer, note };
};

/** Single steps are noisy: the mean over the first and the last tenth says whether the job learned. */
const averageLoss = (points: JobRecord['points']): { start: number; end: number } | undefined => {
  const count = Math.ceil(points.length / 10);
  if (count === 0) return undefined;
  const mean = (part: JobRecord['points']): number => part.reduce((sum, point) => sum + point.loss, 0) / part.length;
  return { start: mean(points.slice(0, count)), end: mean(points.slice(-count)) };
};

const minutes = (milliseconds: number): number => Math.round(milliseconds / 600) / 100;

const withoutUndefined = <T extends Record<string, unknown>>(fields: T): NonNullable<UpdateJob['result']> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as NonNullable<
    UpdateJob['result']
  >;
