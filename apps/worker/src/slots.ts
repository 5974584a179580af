import type { HostGpu } from './gpu-list.js';

/** Room for one job. */
export interface Slot {
  index: number;
  /** The GPUs that the job sees; none on a host without. */
  gpus: readonly HostGpu[];
}

/** The slots of this host, and which are free. */
export class SlotPool {
  readonly size: number;
  readonly #free: Slot[];

  constructor(slots: readonly Slot[]) {
    this.size = slots.length;
    this.#free = [...slots];
  }

  get hasFree(): boolean {
    return this.#free.length > 0;
  }

  take(): Slot | undefined {
    return this.#free.shift();
  }

  giveBack(slot: Slot): void {
    this.#free.push(slot);
    this.#free.sort((a, b) => a.index - b.index);
  }
}

export interface SlotPlan {
  gpus: readonly HostGpu[];
  cores: number;
  /** Number of slots; several may share GPUs. */
  asked?: number;
  gpusPerJob?: number;
}

/**
 * One slot per group of GPUs, or one per two CPU cores; an explicit number spreads its slots over the groups evenly. GPUs
 * that make no whole group are left out.
 */
export const planSlots = ({ gpus, cores, asked, gpusPerJob = 1 }: SlotPlan): Slot[] => {
  const groups = Array.from({ length: Math.floor(gpus.length / gpusPerJob) }, (_, index) =>
    gpus.slice(index * gpusPerJob, (index + 1) * gpusPerJob),
  );
  const count = asked ?? (groups.length || Math.max(1, Math.floor(cores / 2)));
  return Array.from({ length: count }, (_, index) => ({ index, gpus: groups[index % groups.length] ?? [] }));
};

/** How many jobs at a time leave each GPU to one of them; undefined where none is shared. */
export const jobsWithoutSharing = (slots: readonly Slot[]): number | undefined => {
  const groups = new Set(slots.flatMap(({ gpus }) => gpus[0]?.index ?? []));
  return groups.size > 0 && slots.length > groups.size ? groups.size : undefined;
};
