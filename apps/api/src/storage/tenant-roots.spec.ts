import { describe, expect, it } from '@jest/globals';
import { fenceOf, publicPathOf, TenantRoots } from './tenant-roots.js';

const rootsIn = (mode: 'tenant-header' | 'token') => new TenantRoots({ auth: { mode } } as never);

describe(TenantRoots.name, () => {
  it.each([
    ['tenant-header', 'data/a/b', 'a/b'],
    ['tenant-header', 'data/a/b/', 'a/b'],
    ['token', 'data/a/b', 'tenants/acme/a/b'],
    ['token', 'data/a//', 'tenants/acme/a'],
    ['token', 'data/tenants/other/a', 'tenants/acme/tenants/other/a'],
  ] as const)('should place, in the mode %s, %s at %s', (mode, path, key) => {
    expect(rootsIn(mode).keyOf({ tenantId: 'acme', path })).toBe(key);
  });

  it.each(['..', '.', '', 'a/b', '.a'])('should make no folder of the tenant id %j', (tenantId) => {
    expect(() => rootsIn('token').rootOf(tenantId)).toThrow('cannot name a folder');
  });

  it.each(['data/tenants', 'data/tenants/', 'data/tenants/acme/x', 'data/Tenants/x'])(
    'should keep %s from tenants that share everything',
    (path) => {
      expect(rootsIn('tenant-header').problemOf({ tenantId: 'acme', path })).toContain('data/tenants');
      expect(rootsIn('token').problemOf({ tenantId: 'acme', path })).toBeUndefined();
    },
  );
});

describe('keys', () => {
  it.each([
    ['a/b', '', 'data/a/b'],
    ['tenants/acme/a/b', 'tenants/acme', 'data/a/b'],
    ['tenants/acme/tenants/other/b', 'tenants/acme', 'data/tenants/other/b'],
    ['.states/1/tenants/acme', '', 'data/.states/1/tenants/acme'],
  ])('should say of %s how far its links may lead, and how its owner calls it', (key, fence, path) => {
    expect([fenceOf(key), publicPathOf(key)]).toEqual([fence, path]);
  });
});
