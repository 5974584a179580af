import { cutText, type TrainerId, type UnusableTrainer } from '@influencerai/shared';
import type { Trainer } from '@influencerai/trainers';
import type { Programs } from './programs.js';
import { cleanText } from './runner/clean-text.js';
import type { StartCheck } from './start-check.js';

export interface TrainerCheckInput {
  /** What `WORKER_TRAINERS` allows; undefined allows all. */
  allowed: readonly TrainerId[] | undefined;
  implemented: readonly Trainer[];
  programs: Programs;
  startProblem: StartCheck;
}

/** The trainers of this host. The API sends a worker no jobs for others than the usable ones. */
export interface TrainerOffer {
  usable: TrainerId[];
  /** Installed, and not able to start. */
  unusable: UnusableTrainer[];
}

/** Looks which trainers are here and lets each show that it starts. */
export const checkTrainers = async (input: TrainerCheckInput): Promise<TrainerOffer> => {
  const { allowed, implemented, programs, startProblem } = input;
  const offer: TrainerOffer = { usable: [], unusable: [] };
  for (const { id } of implemented) {
    if (allowed?.includes(id) === false || !(await programs.find(id))) continue;
    const reason = await startProblem(id);
    if (reason === undefined) offer.usable.push(id);
    else offer.unusable.push({ trainer: id, reason: cutText(cleanText(reason), REASON_LENGTH) });
  }
  return offer;
};

const REASON_LENGTH = 500;
