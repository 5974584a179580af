/** What the worker itself writes beside the files of a trainer. */
export interface CopiedSizes {
  /** Bytes of one state, as the trainer keeps it. */
  state: number;
  /** Bytes of the final weights. */
  weights: number;
}

/** The newest state as an archive, while the one before is still on its way, and the final weights with their stamp. */
export const workerCopies = ({ state, weights }: CopiedSizes): number => 2 * state + weights;
