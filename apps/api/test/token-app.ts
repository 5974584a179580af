import type { CreateApiKey, NewApiKey, Scope } from '@influencerai/shared';
import { mintKey } from '../src/auth/api-key.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';

export interface TokenApp extends TestApp {
  operatorKey: string;
  workerKey: string;
  /** A new key of the tenant. */
  makeKey(scopes: Scope[], change?: Partial<CreateApiKey> & { tenant?: string | null }): Promise<NewApiKey>;
  /** The same API, spoken to with this key unless told otherwise. */
  as(key: string): TestApp;
}

/** The API as it runs in public, with two tenants, an operator and a worker's key. */
export async function startTokenApp({ env = {} }: { env?: NodeJS.ProcessEnv } = {}): Promise<TokenApp> {
  const { key: operatorKey } = mintKey();
  const { key: workerKey } = mintKey();
  const api = await startTestApp({
    env: { AUTH_MODE: 'token', OPERATOR_KEY: operatorKey, WORKER_KEY: workerKey, RATE_LIMITS: 'off', ...env },
  });
  for (const id of [TENANT, OTHER_TENANT]) await api.send('POST /tenants', { key: operatorKey, body: { id } });
  const makeKey: TokenApp['makeKey'] = async (scopes, { tenant = TENANT, ...change } = {}) => {
    const body = { name: 'test', scopes, ...change };
    const answer = await api.send<NewApiKey>('POST /api-keys', { key: operatorKey, tenant, body });
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.body;
  };
  const as: TokenApp['as'] = (key) => ({ ...api, send: (route, request) => api.send(route, { key, ...request }) });
  return { ...api, operatorKey, workerKey, makeKey, as };
}
