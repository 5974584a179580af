/** Whether messages pass through the queue; provided by the part of the API that sends the canary. */
export abstract class QueueHealth {
  abstract isAlive(): boolean | Promise<boolean>;
}
