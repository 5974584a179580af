import { type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { AlsoForHolder } from '../auth/access.js';
import type { Principal } from '../auth/principal.js';
import { Limited } from './limited.js';
import { RateLimitGuard } from './rate-limit.guard.js';
import { RateLimiter } from './rate-limiter.js';
import type { RatePolicy, TenantPolicyName } from './rate-policy.js';
import { type Hits, RateStore } from './rate-store.js';

class MemoryRates extends RateStore {
  readonly counts = new Map<string, number>();

  hit(key: string): Promise<Hits> {
    const count = (this.counts.get(key) ?? 0) + 1;
    this.counts.set(key, count);
    return Promise.resolve({ count, resetMs: 30_000 });
  }

  look(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}

const SUBMISSIONS: RatePolicy = { name: 'submit', by: 'user', quantity: 2, windowMs: 60_000, whenAway: 'refuse' };

class Face {
  @Limited(SUBMISSIONS)
  submit() {}

  @Limited({ ...SUBMISSIONS, name: 'open', by: 'address' })
  open() {}

  list() {}

  @AlsoForHolder()
  report() {}
}

const A_PRINCIPAL: Principal = { tenantId: 't', userId: 'ada', isOperator: false, scopes: ['read', 'write'] };

function setUp() {
  const store = new MemoryRates();
  const policies = {
    isOn: true,
    get: (name: TenantPolicyName) =>
      Promise.resolve({ name, by: 'tenant', quantity: 5, windowMs: 60_000, whenAway: 'pass' }),
  };
  const limiter = new RateLimiter(store, store as never, { counter: () => ({ inc: () => undefined }) } as never);
  const guard = new RateLimitGuard(new Reflector(), limiter, policies as never);
  const call = (method: keyof Face, { verb = 'POST', ip = '203.0.113.1', ...change } = {} as Partial<Call>) => {
    const request = { method: verb, ip, principal: { ...A_PRINCIPAL, ...change } };
    const headers = {};
    const reply = { headers: (more: object) => Object.assign(headers, more) };
    const context = {
      getHandler: () => Face.prototype[method],
      getClass: () => Face,
      switchToHttp: () => ({ getRequest: () => request, getResponse: () => reply }),
    };
    return Promise.resolve(guard.canActivate(context as unknown as ExecutionContext)).then(() => headers);
  };
  return { store, call };
}

type Call = Principal & { verb: string; ip: string };

describe(RateLimitGuard.name, () => {
  it('should count a route with a policy of its own by that alone, for each user', async () => {
    const { store, call } = setUp();
    await call('submit');
    expect(await call('submit')).toMatchObject({ 'ratelimit-policy': '"submit";q=2;w=60', 'x-ratelimit-remaining': 0 });
    await expect(call('submit')).rejects.toMatchObject({
      code: 'rate_limited',
      details: { policy: 'submit', limit: 2, retryAfterS: 30 },
    });
    await call('submit', { userId: 'bob' });
    await call('submit', { tenantId: 'u' });
    expect([...store.counts.keys()]).toEqual(['submit:t/ada', 'submit:t/bob', 'submit:u/ada']);
  });

  it('should count by address where the policy says so', async () => {
    const { store, call } = setUp();
    await call('open');
    await call('open', { ip: '203.0.113.2' });
    expect([...store.counts.keys()]).toEqual(['open:203.0.113.1', 'open:203.0.113.2']);
  });

  it('should count other routes by tenant, reads and writes apart', async () => {
    const { store, call } = setUp();
    for (const verb of ['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE']) await call('list', { verb });
    expect([...store.counts]).toEqual([
      ['read:t', 2],
      ['write:t', 4],
    ]);
  });

  it('should ask the store no more once a count is beyond its quantity', async () => {
    const { store, call } = setUp();
    for (let index = 0; index < 6; index += 1) await call('submit').catch(() => undefined);
    expect([...store.counts]).toEqual([['submit:t/ada', 3]]);
  });

  it.each<[string, Partial<Call>, number]>([
    ['a report of a worker', { scopes: ['worker'], verb: 'PATCH' }, 0],
    ['what a worker reads', { scopes: ['worker'], verb: 'GET' }, 0],
    [
      'a report in development, where everybody has every scope',
      { scopes: ['read', 'write', 'worker'], verb: 'PATCH' },
      0,
    ],
    ['a read in development', { scopes: ['read', 'write', 'worker'], verb: 'GET' }, 1],
    ['a write of the tenant to the same route', { verb: 'PATCH' }, 1],
  ])('should count %s as it ought to', async (_, change, count) => {
    const { store, call } = setUp();
    await call('report', change);
    expect(store.counts.size).toBe(count);
  });
});
