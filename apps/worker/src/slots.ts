import type { Gpu } from '@influencerai/shared';

/** Room for one job. */
export interface Slot {
  index: number;
  /** The GPU that the job sees; undefined on a host without GPUs. */
  gpu: Gpu | undefined;
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

/** One slot per GPU, or one per two CPU cores; an explicit number spreads its slots over the GPUs evenly. */
export const planSlots = ({ gpus, cores, asked }: { gpus: readonly Gpu[]; cores: number; asked?: number }): Slot[] => {
  const count = asked ?? (gpus.length > 0 ? gpus.length : Math.max(1, Math.floor(cores / 2)));
  return Array.from({ length: count }, (_, index) => ({
    index,
    gpu: gpus.length > 0 ? gpus[index % gpus.length] : undefined,
  }));
};
