import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import { newId } from '../http/new-id.js';
import { IdempotencyRepository, type IdempotencyScope, type Reservation } from './idempotency.repository.js';

const HOUR_MS = 3_600_000;
/** Taking over from a request that is only slow is harmless: both create the same row. */
const LIMITS = { ttlMs: 24 * HOUR_MS, abandonedMs: 60_000 };
const RENEW_MS = 15_000;
const PATIENCE_MS = 5_000;
const FIRST_POLL_MS = 20;
const LONGEST_POLL_MS = 250;

/** What a request with a key is to do: the work itself, unless one that died has done it, or answer as the first one did. */
export type Turn = { reservation: Reservation; isTakeover: boolean } | { replay: { status: number; body: unknown } };

/** Remembers the answers to requests that carry an `Idempotency-Key`, for a day. */
@Injectable()
export class IdempotencyService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(IdempotencyService.name);
  private timer?: NodeJS.Timeout;

  constructor(private readonly keys: IdempotencyRepository) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.purge(), HOUR_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /**
   * Waits a moment for a first request that still runs, and takes its place when that one fails.
   * @throws AppError `idempotency_key_reused`, `idempotency_key_in_use`
   */
  async take(scope: IdempotencyScope, requestHash: string, patienceMs = PATIENCE_MS): Promise<Turn> {
    const deadline = Date.now() + patienceMs;
    for (let pauseMs = FIRST_POLL_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_POLL_MS)) {
      const turn = await this.tryTake(scope, requestHash);
      if (turn) return turn;
      if (Date.now() + pauseMs > deadline) throw new AppError('idempotency_key_in_use');
      await sleep(pauseMs);
    }
  }

  /** Does the work of a request. One that takes long, such as an upload, renews its key, so as not to pass for dead. */
  async keep<T>(reservation: Reservation, work: () => Promise<T>, everyMs = RENEW_MS): Promise<T> {
    let renewal = Promise.resolve();
    const renew = () =>
      this.keys.renew(reservation).catch((error: unknown) => this.warn(error, 'A key was not renewed.'));
    const timer = setInterval(() => void (renewal = renewal.then(renew)), everyMs);
    try {
      return await work();
    } finally {
      clearInterval(timer);
      // It may have changed the token that the key is completed or abandoned with.
      await renewal;
    }
  }

  /** Keeps the answer. Failing to must not fail the request, whose work is done. */
  async complete(reservation: Reservation, status: number, body: unknown): Promise<void> {
    await this.keys
      .complete(reservation, status, body)
      .catch((error: unknown) => this.warn(error, 'The answer to an idempotent request was not kept.'));
  }

  /** Frees the key of a failed request, so that it can be tried again. */
  async abandon(reservation: Reservation): Promise<void> {
    await this.keys
      .abandon(reservation)
      .catch((error: unknown) => this.warn(error, 'The key of a failed request was not freed.'));
  }

  async purge(): Promise<void> {
    await this.keys
      .purge(LIMITS.ttlMs)
      .catch((error: unknown) => this.warn(error, 'Old idempotency keys were not purged; the next hour tries again.'));
  }

  /** @returns undefined while the first request runs */
  private async tryTake(scope: IdempotencyScope, requestHash: string): Promise<Turn | undefined> {
    const id = newId();
    const reservation = await this.keys.reserve(scope, { requestHash, id, ...LIMITS });
    if (reservation) return { reservation, isTakeover: reservation.id !== id };
    const stored = await this.keys.find(scope);
    if (!stored) return undefined;
    if (stored.requestHash !== requestHash) throw new AppError('idempotency_key_reused');
    return stored.status === null ? undefined : { replay: { status: stored.status, body: stored.body } };
  }

  private warn(error: unknown, message: string): void {
    this.logger.warn({ err: error }, message);
  }
}
