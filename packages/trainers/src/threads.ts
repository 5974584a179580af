import type { HostFacts } from './trainer.js';

/** How many cores a trainer's libraries use. Jobs share those of a host: each taking all of them slows down every one. */
export const threadsFor = ({ device }: HostFacts): Record<string, string> => ({
  OMP_NUM_THREADS: device === 'cuda' ? '4' : '2',
  // Threads that wait for one another spin otherwise, on the core that the awaited one needs: where others use the
  // cores too, a step was seen to take 36 times as long.
  OMP_WAIT_POLICY: 'PASSIVE',
});
