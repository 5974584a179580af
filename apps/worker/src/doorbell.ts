/** Rings when a message says that a job may wait. A ring may be lost or come for nothing: it only means "look". */
export interface Doorbell {
  /** Stops taking messages while no slot is free, so that other workers get them. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

export type OpenDoorbell = (onRing: () => void) => Doorbell;

/** No queue: the worker asks the API now and then. */
export const silentDoorbell: OpenDoorbell = () => ({
  pause: () => undefined,
  resume: () => undefined,
  close: () => Promise.resolve(),
});
