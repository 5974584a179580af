import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@influencerai/shared';
import { type Lock, type Locker, MemoryLocker, type RequestRelease } from '@tus/server';
import type { UploadClaim } from '../../datasets/datasets.repository.js';
import type { UploadsRepository } from '../uploads.repository.js';

const TOUCH_MS = 10_000;
const POLL_MS = 250;
/** How long a request of another replica may take to notice that its client is gone. */
const PATIENCE_MS = 10_000;

/** Whose uploads a request is about; the library's own interfaces know no tenants. */
export const tusTenant = new AsyncLocalStorage<string>();

/** @throws Error outside of a request */
export function currentTenant(): string {
  const tenantId = tusTenant.getStore();
  if (tenantId === undefined) throw new Error('A tus request has no tenant.');
  return tenantId;
}

/**
 * One request at a time for each upload. Within this process a request that waits makes the one before give way, so that
 * a client can resume although its broken connection still looks whole; between replicas the row of the upload decides.
 */
export class TusLocker implements Locker {
  private readonly local = new MemoryLocker();

  constructor(
    private readonly uploads: UploadsRepository,
    private readonly staleMs: number,
  ) {}

  newLock(id: string): Lock {
    return new TusLock(id, this.local.newLock(id), this.uploads, this.staleMs);
  }
}

class TusLock implements Lock {
  private claim: UploadClaim | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly id: string,
    private readonly local: Lock,
    private readonly uploads: UploadsRepository,
    private readonly staleMs: number,
  ) {}

  async lock(signal: AbortSignal, giveWay: RequestRelease): Promise<void> {
    await this.local.lock(signal, giveWay);
    try {
      const claim = (this.claim = await this.claimSoon(signal));
      this.timer = setInterval(() => void this.touch(claim, giveWay), TOUCH_MS);
    } catch (error) {
      await this.local.unlock();
      throw error;
    }
  }

  async unlock(): Promise<void> {
    clearInterval(this.timer);
    try {
      if (this.claim) await this.uploads.release(this.claim);
    } finally {
      await this.local.unlock();
    }
  }

  private async claimSoon(signal: AbortSignal): Promise<UploadClaim> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const claim = await this.uploads.claim(currentTenant(), this.id, this.staleMs);
      if (claim) return claim;
      if (Date.now() > deadline) throw new AppError('upload_in_use', { id: this.id });
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  /** A sign of life that cannot be written now may be next time; one that finds the claim lost ends the request. */
  private async touch(claim: UploadClaim, giveWay: RequestRelease): Promise<void> {
    const isHeld = await this.uploads.touch(claim).catch(() => true);
    if (!isHeld) await giveWay();
  }
}
