/** Where messages are kept: Redis where the operator has one, else in the PostgreSQL that is there anyway. */
export type QueueConnection = { backend: 'redis'; url: string } | { backend: 'postgres'; url: string };

/** Chooses the store by the settings: `REDIS_URL` switches to Redis. */
export const queueConnection = (env: { redisUrl?: string; databaseUrl: string }): QueueConnection =>
  env.redisUrl ? { backend: 'redis', url: env.redisUrl } : { backend: 'postgres', url: env.databaseUrl };

/** Host and port without credentials, for messages. */
export const nameStore = ({ backend, url }: QueueConnection): string => {
  const place = URL.canParse(url) ? new URL(url).host : 'an address that cannot be read';
  return `${backend === 'redis' ? 'Redis' : 'PostgreSQL'} at ${place}`;
};
