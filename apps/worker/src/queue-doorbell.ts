import { type TrainerId, trainerQueue } from '@influencerai/shared';
import { listen, type QueueConnection, type TaskListener } from '@influencerai/queue';
import type { Logger } from 'pino';
import { Backoff } from './backoff.js';
import type { Doorbell, OpenDoorbell } from './doorbell.js';
import { pause } from './pause.js';

const RETRY_MS = { first: 500, max: 15_000 };

/** Rings for every message on the queues of the offered trainers. A queue that is away is tried until it is there. */
export const queueDoorbell =
  (connection: QueueConnection, trainers: readonly TrainerId[], log: Logger): OpenDoorbell =>
  (onRing) =>
    new QueueDoorbell(connection, trainers, { onRing, log });

class QueueDoorbell implements Doorbell {
  readonly #closing = new AbortController();
  readonly #opening: Promise<void>;
  #listeners: TaskListener[] = [];
  #isPaused = false;
  #wasPaused = false;
  /** The queues of all trainers are in one place, and away together. */
  #hasComplained = false;
  #changing: Promise<void> = Promise.resolve();

  constructor(
    private readonly connection: QueueConnection,
    trainers: readonly TrainerId[],
    private readonly options: { onRing: () => void; log: Logger },
  ) {
    this.#opening = Promise.all(trainers.map((trainer) => this.#open(trainerQueue(trainer)))).then(() => undefined);
  }

  pause(): void {
    this.#isPaused = true;
    this.#follow();
  }

  resume(): void {
    this.#isPaused = false;
    this.#follow();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#opening;
    await this.#changing;
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  /** Pausing takes a moment; changes are made one after the other, and the last wish counts. */
  #follow(): void {
    this.#changing = this.#changing.then(async () => {
      if (this.#closing.signal.aborted || this.#isPaused === this.#wasPaused) return;
      this.#wasPaused = this.#isPaused;
      try {
        await Promise.all(this.#listeners.map((listener) => (this.#isPaused ? listener.pause() : listener.resume())));
      } catch (error) {
        this.options.log.warn({ err: error }, 'The queue could not be paused or resumed');
      }
    });
  }

  async #open(queue: string): Promise<void> {
    const { log, onRing } = this.options;
    const backoff = new Backoff(RETRY_MS.first, RETRY_MS.max);
    let isFirst = true;
    while (!this.#closing.signal.aborted) {
      try {
        const onTask = (): Promise<void> => Promise.resolve(onRing());
        const onError = (error: Error): void => log.debug({ err: error, queue }, 'The queue reports an error');
        const listener = await listen({ connection: this.connection, queue, onTask, onError });
        if (this.#wasPaused) await listener.pause();
        this.#listeners.push(listener);
        if (!isFirst) log.info({ queue }, 'The queue answers; listening');
        return;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (!this.#hasComplained) log.warn(`${reason} Jobs are asked for now and then until it answers.`);
        this.#hasComplained = true;
        isFirst = false;
      }
      await pause(backoff.next(), this.#closing.signal);
    }
  }
}
