import { describe, expect, it } from '@jest/globals';
import { describeEnv, parseEnv } from './env.js';

describe('parseEnv', () => {
  it('should need nothing', () => {
    expect(parseEnv({})).toMatchObject({
      apiUrl: 'http://localhost:3001',
      claimPollMs: 5000,
      graceMs: undefined,
      keepWorkspaces: 0,
    });
  });

  it('should read lists and numbers', () => {
    expect(parseEnv({ WORKER_TRAINERS: 'tiny, kohya', WORKER_SLOTS: '3' })).toMatchObject({
      trainers: ['tiny', 'kohya'],
      slots: 3,
    });
  });

  it('should take an empty value for an absent one', () => {
    expect(parseEnv({ REDIS_URL: '', WORKER_SLOTS: '' })).toMatchObject({
      queue: { redisUrl: undefined },
      slots: undefined,
    });
  });

  it('should name every problem in one message', () => {
    const parse = () => parseEnv({ API_URL: 'ftp://x', REDIS_URL: 'http://x', GRACE_MS: '-1', LOG_LEVEL: 'loud' });
    for (const name of ['API_URL', 'REDIS_URL', 'GRACE_MS', 'LOG_LEVEL']) expect(parse).toThrow(name);
  });
});

describe('the endpoint of embeddings', () => {
  it('should reach jobs with its model and key, and no log', () => {
    const endpoint = { EMBEDDINGS_URL: 'http://localhost:8080/v1', EMBEDDINGS_MODEL: 'm', EMBEDDINGS_API_KEY: 'k' };
    expect(parseEnv(endpoint)).toMatchObject({ embeddingsBase: endpoint, secrets: ['k'] });
    expect(parseEnv({}).embeddingsBase).toEqual({});
  });

  it('should have a model', () => {
    expect(() => parseEnv({ EMBEDDINGS_URL: 'http://localhost:8080/v1' })).toThrow('EMBEDDINGS_MODEL');
    expect(() => parseEnv({ EMBEDDINGS_MODEL: 'm' })).toThrow('EMBEDDINGS_MODEL');
  });
});

describe('describeEnv', () => {
  it('should explain every setting', () => {
    expect(describeEnv()).toContain('API_URL [http://localhost:3001]');
    expect(describeEnv()).not.toContain('undefined');
  });
});
