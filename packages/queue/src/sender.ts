import type { TaskName, TaskPayload } from '@influencerai/shared';
import { createQueue, type QueueHandle } from './bullmq.js';
import { checkQueue } from './check-queue.js';
import { nameStore, type QueueConnection } from './connection.js';
import { withTimeLimit } from './time-limit.js';

const SEND_TIMEOUT_MS = 5_000;

export interface TaskSender {
  /**
   * Leaves a message for whoever listens on the queue. The same `dedupeId` counts once while the message waits.
   *
   * @throws Error within some five seconds when the store does not take it
   */
  send<N extends TaskName>(queue: string, task: N, payload: TaskPayload<N>, dedupeId: string): Promise<void>;
  /** Number of messages that nobody has taken yet. */
  depth(queue: string): Promise<number>;
  close(): Promise<void>;
}

/** BullMQ takes neither a colon nor a bare integer as an id. */
const checkId = (id: string): void => {
  if (!id || id.includes(':') || /^\d+$/.test(id)) throw new Error(`"${id}" cannot be the id of a message.`);
};

class BullSender implements TaskSender {
  readonly #queues = new Map<string, QueueHandle>();

  constructor(private readonly connection: QueueConnection) {}

  async send<N extends TaskName>(queue: string, task: N, payload: TaskPayload<N>, dedupeId: string): Promise<void> {
    checkId(dedupeId);
    const options = { jobId: dedupeId, attempts: 1, removeOnComplete: true, removeOnFail: true };
    await this.#use(queue, (handle) => handle.add(task, payload, options));
  }

  depth(queue: string): Promise<number> {
    return this.#use(queue, (handle) => handle.getWaitingCount());
  }

  async close(): Promise<void> {
    const queues = [...this.#queues.values()];
    this.#queues.clear();
    await Promise.all(queues.map(closeQuietly));
  }

  /** A queue that failed is thrown away: BullMQ remembers a failed start for ever. */
  async #use<T>(name: string, call: (handle: QueueHandle) => Promise<T>): Promise<T> {
    const handle = this.#queues.get(name) ?? this.#open(name);
    const answer = handle.waitUntilReady().then(() => call(handle));
    try {
      return await withTimeLimit(answer, SEND_TIMEOUT_MS, `${nameStore(this.connection)} does not answer.`);
    } catch (error) {
      answer.catch(() => undefined);
      if (this.#queues.get(name) === handle) this.#queues.delete(name);
      void closeQuietly(handle);
      throw error;
    }
  }

  #open(name: string): QueueHandle {
    const handle = createQueue(this.connection, name);
    // Without a listener an error event would end the process; failures reach the caller through its promise.
    handle.on('error', () => undefined);
    this.#queues.set(name, handle);
    return handle;
  }
}

const closeQuietly = (handle: QueueHandle): Promise<void> =>
  withTimeLimit(handle.close(), SEND_TIMEOUT_MS, 'The queue does not close.').catch(() => undefined);

/** Opens a sender. @throws QueueUnavailableError when the store cannot be used */
export const openSender = async (connection: QueueConnection): Promise<TaskSender> => {
  await checkQueue(connection);
  return new BullSender(connection);
};

/** A sender that does not insist on the store being there now. */
export const createSender = (connection: QueueConnection): TaskSender => new BullSender(connection);
