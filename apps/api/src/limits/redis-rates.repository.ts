import { Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Redis } from 'ioredis';
import { type Hits, RateStore } from './rate-store.js';

const PREFIX = 'influencerai:rate:';
/** Every request waits for it. */
const COMMAND_TIMEOUT_MS = 500;
const CONNECT_TIMEOUT_MS = 3_000;
const LONGEST_RETRY_MS = 1_000;

/** One step for Redis, so that no count is left without an end. */
const HIT = `
local hits = redis.call('incr', KEYS[1])
if hits == 1 then redis.call('pexpire', KEYS[1], ARGV[1]) end
return {hits, redis.call('pttl', KEYS[1])}`;

const LOOK = `return {tonumber(redis.call('get', KEYS[1]) or 0), redis.call('pttl', KEYS[1])}`;

interface Scripts {
  rateHit(key: string, windowMs: number): Promise<[number, number]>;
  rateLook(key: string): Promise<[number, number]>;
}

/** Counts in Redis: one script for a hit. */
export class RedisRates extends RateStore implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(RedisRates.name);
  private readonly client: Redis & Scripts;

  constructor(url: string) {
    super();
    const client = new Redis(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: COMMAND_TIMEOUT_MS,
      retryStrategy: (times) => Math.min(times * 100, LONGEST_RETRY_MS),
    });
    // Who asks learns of it; without a listener every attempt to connect would be printed.
    client.on('error', () => undefined);
    client.defineCommand('rateHit', { numberOfKeys: 1, lua: HIT });
    client.defineCommand('rateLook', { numberOfKeys: 1, lua: LOOK });
    this.client = client as Redis & Scripts;
  }

  async onModuleInit(): Promise<void> {
    await this.client
      .connect()
      .catch((error: unknown) => this.logger.warn({ err: error }, 'Redis does not answer; it is tried again.'));
  }

  onApplicationShutdown(): void {
    this.client.disconnect();
  }

  async hit(key: string, windowMs: number): Promise<Hits> {
    return toHits(await this.client.rateHit(PREFIX + key, windowMs));
  }

  async look(key: string): Promise<Hits | undefined> {
    const hits = toHits(await this.client.rateLook(PREFIX + key));
    return hits.count > 0 ? hits : undefined;
  }
}

const toHits = ([count, resetMs]: [number, number]): Hits => ({ count, resetMs: Math.max(0, resetMs) });
