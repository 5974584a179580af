import type { TrainerId } from '@influencerai/shared';
import type { Trainer } from '@influencerai/trainers';
import type { Programs } from './programs.js';

export interface TrainerCheckInput {
  /** What `WORKER_TRAINERS` allows; undefined allows all. */
  allowed: readonly TrainerId[] | undefined;
  implemented: readonly Trainer[];
  programs: Programs;
}

/** The trainers that can start on this host. The API sends a worker no jobs for others. */
export const usableTrainers = async ({ allowed, implemented, programs }: TrainerCheckInput): Promise<TrainerId[]> => {
  const candidates = implemented.filter(({ id }) => allowed?.includes(id) ?? true);
  const checked = await Promise.all(candidates.map(async ({ id }) => ((await programs.find(id)) ? [id] : [])));
  return checked.flat();
};
