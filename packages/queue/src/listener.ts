import type { TaskName } from '@influencerai/shared';
import { createWorker, type WorkerHandle } from './bullmq.js';
import { checkQueue } from './check-queue.js';
import type { QueueConnection } from './connection.js';
import { parseTask } from './parse-task.js';
import { createSender } from './sender.js';
import { withTimeLimit } from './time-limit.js';

const READY_TIMEOUT_MS = 15_000;
const CLOSE_TIMEOUT_MS = 5_000;
const WATCH_MS = 5_000;

export interface TaskListener {
  /** Takes no more messages; what is in `onTask` is waited for. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
}

export interface ListenOptions {
  connection: QueueConnection;
  queue: string;
  /** Called for every message; must return quickly, and be safe to run twice. */
  onTask(task: TaskName, payload: unknown): Promise<void>;
  onError?(error: Error): void;
  /** How often the listener makes sure that it is not deaf. */
  watchMs?: number;
}

/**
 * A BullMQ worker may go deaf without an error after its store was away: it runs, and takes nothing. So the listener looks
 * at the queue now and then, and replaces the worker when messages wait twice in a row while none arrives.
 */
class WatchedListener implements TaskListener {
  #worker: WorkerHandle;
  #isPaused = false;
  #isClosed = false;
  #heard = 0;
  #suspectSince: number | undefined;
  readonly #watch: NodeJS.Timeout;
  readonly #sender;

  constructor(private readonly options: ListenOptions) {
    this.#sender = createSender(options.connection);
    this.#worker = this.#openWorker();
    this.#watch = setInterval(() => void this.#lookAfter(), options.watchMs ?? WATCH_MS);
    this.#watch.unref();
  }

  async waitUntilReady(): Promise<void> {
    const ready = this.#worker.waitUntilReady();
    await withTimeLimit(ready, READY_TIMEOUT_MS, `The queue ${this.options.queue} is not ready.`);
  }

  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#worker.pause();
  }

  async resume(): Promise<void> {
    this.#isPaused = false;
    await this.#worker.resume();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#watch);
    await Promise.all([closeQuietly(this.#worker), this.#sender.close()]);
  }

  #openWorker(): WorkerHandle {
    const worker = createWorker(this.options.connection, {
      name: this.options.queue,
      handle: (job) => this.#take(job.name, job.data),
    });
    worker.on('error', (error) => this.#report(error));
    return worker;
  }

  /** Nothing is thrown towards BullMQ: a message is a doorbell, and rings once. */
  async #take(name: string, data: unknown): Promise<void> {
    this.#heard += 1;
    try {
      const { task, payload } = parseTask(name, data);
      await this.options.onTask(task, payload);
    } catch (error) {
      this.#report(error as Error);
    }
  }

  #report(error: Error): void {
    if (!this.#isClosed) this.options.onError?.(error);
  }

  async #lookAfter(): Promise<void> {
    const heard = this.#heard;
    const waiting = await this.#sender.depth(this.options.queue).catch(() => 0);
    if (this.#isClosed || this.#isPaused || waiting === 0 || heard !== this.#heard) {
      this.#suspectSince = undefined;
      return;
    }
    if (this.#suspectSince !== heard) {
      this.#suspectSince = heard;
      return;
    }
    this.#suspectSince = undefined;
    this.#report(
      new Error(`The listener on ${this.options.queue} took nothing while ${waiting} wait: starting it anew.`),
    );
    const deaf = this.#worker;
    this.#worker = this.#openWorker();
    await closeQuietly(deaf, true);
  }
}

const closeQuietly = (worker: WorkerHandle, force = false): Promise<void> =>
  withTimeLimit(worker.close(force), CLOSE_TIMEOUT_MS, 'The listener does not close.').catch(() => undefined);

/**
 * Listens on a queue, and goes on listening when the store was away or lost its data.
 *
 * @throws QueueUnavailableError when the store cannot be used at the start
 */
export const listen = async (options: ListenOptions): Promise<TaskListener> => {
  await checkQueue(options.connection);
  const listener = new WatchedListener(options);
  try {
    await listener.waitUntilReady();
    return listener;
  } catch (error) {
    await listener.close();
    throw error;
  }
};
