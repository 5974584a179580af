import type { TrainerEvent } from '@influencerai/shared';

/** A failure that the trainer explains in an `error` event. */
export class TrainerError extends Error {
  override readonly name = 'TrainerError';

  constructor(
    readonly code: string,
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

export const toErrorEvent = (error: unknown): TrainerEvent => {
  if (error instanceof TrainerError) {
    return { event: 'error', code: error.code, message: error.message, hint: error.hint };
  }
  return { event: 'error', code: 'trainer_failed', message: error instanceof Error ? error.message : String(error) };
};
