import { describe, expect, it } from '@jest/globals';
import { resolve } from 'node:path';
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

describe('what libraries of trainers are told', () => {
  it('should reach every trainer, but for the way to the hub', () => {
    const env = parseEnv({ NCCL_P2P_DISABLE: '1', HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: 'internal' });
    expect(env.trainerBase).toMatchObject({
      NCCL_P2P_DISABLE: '1',
      PYTORCH_CUDA_ALLOC_CONF: 'expandable_segments:True',
    });
    expect(env.hubBase).toEqual({ HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: 'internal' });
    expect(Object.keys(env.trainerBase).join()).not.toContain('PROXY');
  });

  it('should be taken of proxies as hosts have them: in lower case, without a scheme', () => {
    const env = parseEnv({ https_proxy: 'me:p%40ss@proxy:3128', HTTP_PROXY: 'http://a', http_proxy: 'http://b' });
    expect(env.hubBase).toEqual({ HTTPS_PROXY: 'http://me:p%40ss@proxy:3128', HTTP_PROXY: 'http://a' });
    expect(env.secrets).toEqual(['p%40ss', 'p@ss']);
    expect(() => parseEnv({ HTTPS_PROXY: 'http://:' })).toThrow('HTTPS_PROXY: must be the address of a proxy');
  });

  it.each(['PYTORCH_CUDA_ALLOC_CONF', 'PYTORCH_ALLOC_CONF'])('should be taken by either name of torch: %s', (name) => {
    const { trainerBase } = parseEnv({ [name]: 'max_split_size_mb:512' });
    expect(trainerBase).toMatchObject({ PYTORCH_CUDA_ALLOC_CONF: 'max_split_size_mb:512' });
    expect(trainerBase).not.toHaveProperty('PYTORCH_ALLOC_CONF');
  });

  it('should name certificates from the root, and let containers see them', () => {
    const { hubBase, hubFiles } = parseEnv({ SSL_CERT_FILE: 'ca.pem' });
    expect(hubFiles).toEqual([resolve('ca.pem')]);
    expect(hubBase).toEqual({ SSL_CERT_FILE: resolve('ca.pem') });
  });
});

describe('describeEnv', () => {
  it('should explain every setting', () => {
    expect(describeEnv()).toContain('API_URL [http://localhost:3001]');
    expect(describeEnv()).not.toContain('undefined');
  });
});
