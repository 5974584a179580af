import { z } from 'zod';

/** The programs that workers drive. */
export const TRAINER_IDS = ['kohya', 'ai-toolkit', 'trl', 'tiny', 'retrieval'] as const;
export const TrainerIdSchema = z.enum(TRAINER_IDS);
export type TrainerId = z.infer<typeof TrainerIdSchema>;

/** Those that come with a worker: programs of this project. */
export const BUILT_IN_TRAINERS = ['tiny', 'retrieval'] as const satisfies readonly TrainerId[];
export type BuiltInTrainer = (typeof BUILT_IN_TRAINERS)[number];

export const isBuiltIn = (trainer: TrainerId): trainer is BuiltInTrainer =>
  (BUILT_IN_TRAINERS as readonly TrainerId[]).includes(trainer);
