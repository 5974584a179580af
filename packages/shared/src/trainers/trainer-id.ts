import { z } from 'zod';

/** The programs that workers drive. */
export const TRAINER_IDS = ['kohya', 'ai-toolkit', 'trl', 'tiny'] as const;
export const TrainerIdSchema = z.enum(TRAINER_IDS);
export type TrainerId = z.infer<typeof TrainerIdSchema>;
