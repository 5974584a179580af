import { Inject, Injectable } from '@nestjs/common';
import { isTenantId } from '@influencerai/shared';
import { CONFIG, type Config } from '../env.js';

/** A path as a client writes it (`data/…`), and whose it is. */
export interface TenantPath {
  tenantId: string;
  path: string;
}

const OWN_ROOT = /^tenants\/[A-Za-z0-9][A-Za-z0-9_.-]{0,63}(?=\/|$)/;

/**
 * What `data/` stands for. Where callers prove who they are, each tenant has a root of its own, `tenants/<id>`, and no
 * path leads from one into another. Where the header is trusted, all tenants share the whole storage, without that
 * folder.
 */
@Injectable()
export class TenantRoots {
  private readonly isShared: boolean;

  constructor(@Inject(CONFIG) { auth }: Pick<Config, 'auth'>) {
    this.isShared = auth.mode === 'tenant-header';
  }

  /** The key of the tenant's folder; empty where that is the whole storage. */
  rootOf(tenantId: string): string {
    if (this.isShared) return '';
    if (!isTenantId(tenantId)) throw new Error(`${JSON.stringify(tenantId)} cannot name a folder.`);
    return `tenants/${tenantId}`;
  }

  /** The key behind a public path that was checked, without a slash at its end. */
  keyOf({ tenantId, path }: TenantPath): string {
    const root = this.rootOf(tenantId);
    const rest = path.replace(/^data\//, '').replace(/\/+$/, '');
    return root === '' ? rest : `${root}/${rest}`;
  }

  /** What is wrong with where a checked public path leads, or undefined. */
  problemOf({ path }: TenantPath): string | undefined {
    const isReserved = this.isShared && /^data\/tenants(\/|$)/i.test(path);
    return isReserved
      ? 'Must not be "data/tenants": files of tenants that have a root of their own lie there.'
      : undefined;
  }
}

/** The folder that nothing below a key may lead out of, not even through a link: a tenant's root, or all (empty). */
export const fenceOf = (key: string): string => OWN_ROOT.exec(key)?.[0] ?? '';

/** The path by which the owner of a key knows it. */
export const publicPathOf = (key: string): string => `data/${key.slice(fenceOf(key).length).replace(/^\//, '')}`;

/** The same as an SQL expression over a column of keys. */
export const publicPathSql = (column: string): string =>
  `'data/' || regexp_replace(${column}, '^tenants/[A-Za-z0-9][A-Za-z0-9_.-]{0,63}/', '')`;
