import { AppError, canonicalJson, type TrainingSpec } from '@influencerai/shared';

/** The last session of a name that was deleted. */
export interface DeletedSession {
  /** Of its job. */
  id: string;
  spec: TrainingSpec;
  /** Whether a worker still saves it. */
  isEnding: boolean;
  /** Of its last state; null: it has none. */
  step: number | null;
}

/** A session to be that takes the name. */
export interface Successor {
  name: string;
  maxSteps: number;
  spec: TrainingSpec;
}

/**
 * The step from which a session goes on: that of the last state of the deleted one, where both train the same and there are
 * steps left. Undefined: it begins anew.
 * @throws AppError `session_ending` while that state may still change
 */
export function continuationOf(
  deleted: DeletedSession | undefined,
  { name, maxSteps, spec }: Successor,
): number | undefined {
  if (!deleted || courseOf(deleted.spec) !== courseOf(spec)) return undefined;
  if (deleted.isEnding) throw new AppError('session_ending', { name });
  return deleted.step !== null && deleted.step < maxSteps ? deleted.step : undefined;
}

/** What a state holds the middle of: neither what it learns from, nor how long, nor where the results go. */
const courseOf = ({ kind, trainer, baseModel, network, training, extra }: TrainingSpec): string =>
  canonicalJson({ kind, trainer, baseModel, network, training: { ...training, maxSteps: null }, extra });
