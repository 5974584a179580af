export { checkQueue, QueueUnavailableError } from './check-queue.js';
export { nameStore, queueConnection, type QueueConnection } from './connection.js';
export { emptyQueue } from './empty-queue.js';
export { listen, type ListenOptions, type TaskListener } from './listener.js';
export { openSender, type TaskSender } from './sender.js';
