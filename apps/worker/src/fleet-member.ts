import type { Directive, Gpu, HeldJob, RegisteredWorker, TrainerId, UnusableTrainer } from '@influencerai/shared';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { verdictOf, type Api } from './api/api.js';
import type { ApiPresence } from './api-presence.js';
import { Backoff } from './backoff.js';
import { pause } from './pause.js';

const RETRY_MS = { first: 250, max: 10_000 };
/** A beat that hangs must leave time for the next ones before the lease runs out. */
const SHORTEST_BEAT_LIMIT_MS = 1000;
const CONTROL_RETRY_MS = { first: 500, max: 30_000 };

export interface Identity {
  id: string;
  version: string;
  slots: number;
  gpus: Gpu[];
  trainers: TrainerId[];
  /** Installed here, and not able to start. */
  unusable: UnusableTrainer[];
}

export interface FleetMemberOptions {
  identity: Identity;
  api: Api;
  held: () => HeldJob[];
  onDirective: (directive: Directive) => void;
  presence: ApiPresence;
  log: Logger;
}

/** This worker's place in the fleet: it is registered, its leases are extended, and it hears what to do. */
export class FleetMember {
  isDraining = false;
  #heartbeatMs = 5000;
  #registering: Promise<void> | undefined;

  constructor(private readonly options: FleetMemberOptions) {}

  get id(): string {
    return this.options.identity.id;
  }

  /** Tries until the API takes the registration or the signal aborts. Calls that overlap share one. */
  async register(signal: AbortSignal): Promise<void> {
    this.#registering ??= this.#register(signal).finally(() => {
      this.#registering = undefined;
    });
    await this.#registering;
  }

  /** Sends heartbeats and follows the control stream until the signal aborts. */
  async stay(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#beatForEver(signal), this.#listenForEver(signal)]);
  }

  /** Extends the leases now. A failure is left to the next beat. */
  async beat(signal: AbortSignal): Promise<void> {
    const { api, held, onDirective, presence } = this.options;
    try {
      const limitMs = Math.max(SHORTEST_BEAT_LIMIT_MS, this.#heartbeatMs);
      const directives = await api.heartbeat(this.id, { held: held(), isDraining: this.isDraining }, limitMs);
      presence.back();
      for (const directive of directives) onDirective(directive);
    } catch (error) {
      await this.recover(error, signal);
    }
  }

  /** What a failed call of the fleet's asks for: registering again, or patience. */
  async recover(error: unknown, signal: AbortSignal): Promise<void> {
    const verdict = verdictOf(error);
    if (verdict === 'unregistered') return this.register(signal);
    if (verdict === 'retry') return this.options.presence.away(error);
    this.options.log.error({ err: error }, 'The API refused a call of this worker');
  }

  async #register(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(RETRY_MS.first, RETRY_MS.max);
    while (!signal.aborted) {
      const registered = await this.#tryToRegister();
      if (registered) {
        this.#heartbeatMs = registered.heartbeatMs;
        return;
      }
      await pause(backoff.next(), signal);
    }
  }

  async #tryToRegister(): Promise<RegisteredWorker | undefined> {
    const { identity, api, held, presence, log } = this.options;
    try {
      const registered = await api.register({ ...identity, host: hostname(), pid: process.pid, held: held() });
      presence.back();
      log.info({ workerId: identity.id, slots: identity.slots, trainers: identity.trainers }, 'Registered');
      return registered;
    } catch (error) {
      if (verdictOf(error) !== 'retry') throw error;
      presence.away(error);
      return undefined;
    }
  }

  /** Beats keep their rhythm: after one that hung until its time limit the next comes at once. */
  async #beatForEver(signal: AbortSignal): Promise<void> {
    let beganAtMs = performance.now();
    while (!signal.aborted) {
      await pause(Math.max(0, beganAtMs + this.#heartbeatMs - performance.now()), signal);
      beganAtMs = performance.now();
      if (!signal.aborted) await this.beat(signal);
    }
  }

  /** Heartbeats bring the same directives, only later: a control stream that is away costs time and nothing else. */
  async #listenForEver(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(CONTROL_RETRY_MS.first, CONTROL_RETRY_MS.max);
    while (!signal.aborted) {
      try {
        for await (const directive of this.options.api.control(this.id, signal)) {
          backoff.reset();
          this.options.onDirective(directive);
        }
      } catch (error) {
        if (!signal.aborted) this.options.log.debug({ err: error }, 'The control stream broke');
      }
      if (!signal.aborted) await pause(backoff.next(), signal);
    }
  }
}
