import type { InfluencerAIClient, Scope, UpdateTenant } from '@influencerai/sdk';
import { mintKey } from '../auth/api-key.js';

/** What was given behind the command: its name where it takes one, and its options. */
export interface Arguments {
  /** The id or name that the command is about. */
  subject: string;
  tenant?: string;
  name?: string;
  scopes?: string;
  user?: string;
  expires?: string;
  overlap?: string;
  concurrent?: string;
  queued?: string;
  storage?: string;
  reads?: string;
  writes?: string;
  limit?: string;
}

export interface Command {
  /** What `--help` says of the arguments. */
  usage: string;
  help: string;
  needsSubject?: boolean;
  /** Concerns one tenant, so that `--tenant` must be there. */
  needsTenant?: boolean;
  run: (client: InfluencerAIClient, given: Arguments) => Promise<unknown>;
}

const LIMITS = '[--name N] [--concurrent N] [--queued N] [--storage BYTES] [--reads N] [--writes N]';

/** Every command of the program, by its words. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  'keys mint': {
    usage: '',
    help: 'a key for OPERATOR_KEY or WORKER_KEY of the API; asks no API',
    run: () => Promise.resolve({ key: mintKey().key }),
  },
  'keys create': {
    usage: 'NAME [--tenant T] [--scopes read,write] [--user U] [--expires TIME]',
    help: 'a key of the tenant, or without one of an operator; it is shown this once',
    needsSubject: true,
    run: (client, { subject, tenant, scopes = 'read,write', user, expires }) =>
      client.apiKeys.create(
        { name: subject, scopes: scopes.split(',') as Scope[], userId: user ?? null, expiresAt: expires ?? null },
        { tenantId: tenant },
      ),
  },
  'keys list': {
    usage: '[--tenant T]',
    help: 'the keys, newest first',
    run: (client, { tenant }) => all(client.apiKeys.list({ take: 100 }, { tenantId: tenant })),
  },
  'keys rotate': {
    usage: 'KEY-ID [--tenant T] [--overlap SECONDS]',
    help: 'a new secret; the old one works on for a day, or as long as you say',
    needsSubject: true,
    run: (client, { subject, tenant, overlap }) =>
      client.apiKeys.rotate(subject, overlap === undefined ? {} : { overlapSeconds: Number(overlap) }, {
        tenantId: tenant,
      }),
  },
  'keys revoke': {
    usage: 'KEY-ID [--tenant T]',
    help: 'the end of a key',
    needsSubject: true,
    run: (client, { subject, tenant }) => client.apiKeys.revoke(subject, { tenantId: tenant }),
  },
  'tenants create': {
    usage: `ID ${LIMITS}`,
    help: 'a tenant',
    needsSubject: true,
    run: (client, given) => client.tenants.create({ id: given.subject, ...toLimits(given) }),
  },
  'tenants list': { usage: '', help: 'the tenants', run: (client) => all(client.tenants.list({ take: 100 })) },
  'tenants update': {
    usage: `ID ${LIMITS}`,
    help: 'other limits',
    needsSubject: true,
    run: (client, given) => client.tenants.update(given.subject, toLimits(given)),
  },
  'tenants disable': {
    usage: 'ID',
    help: 'refuses its callers; its jobs go on',
    needsSubject: true,
    run: (client, { subject }) => client.tenants.update(subject, { isDisabled: true }),
  },
  'tenants enable': {
    usage: 'ID',
    help: 'lets them in again',
    needsSubject: true,
    run: (client, { subject }) => client.tenants.update(subject, { isDisabled: false }),
  },
  'users create': {
    usage: 'ID --tenant T [--name N]',
    help: 'a user of the tenant',
    needsSubject: true,
    needsTenant: true,
    run: (client, { subject, tenant, name }) =>
      client.users.create({ id: subject, name: name ?? null }, { tenantId: tenant }),
  },
  'users list': {
    usage: '--tenant T',
    help: 'the users of the tenant',
    needsTenant: true,
    run: (client, { tenant }) => all(client.users.list({ take: 100 }, { tenantId: tenant })),
  },
  'users disable': {
    usage: 'ID --tenant T',
    help: 'refuses the user, whatever the credential',
    needsSubject: true,
    needsTenant: true,
    run: (client, { subject, tenant }) => client.users.update(subject, { isDisabled: true }, { tenantId: tenant }),
  },
  'users enable': {
    usage: 'ID --tenant T',
    help: 'lets the user in again',
    needsSubject: true,
    needsTenant: true,
    run: (client, { subject, tenant }) => client.users.update(subject, { isDisabled: false }, { tenantId: tenant }),
  },
  'users delete': {
    usage: 'ID --tenant T',
    help: 'removes the user and its keys',
    needsSubject: true,
    needsTenant: true,
    run: async (client, { subject, tenant }) => {
      await client.users.delete(subject, { tenantId: tenant });
      return { deleted: subject };
    },
  },
  'audit list': {
    usage: '[--tenant T] [--limit N]',
    help: 'who did what, newest first',
    run: async (client, { tenant, limit = '100' }) =>
      (await client.auditLog.list({ limit: Number(limit) }, { tenantId: tenant })).data,
  },
  'audit verify': {
    usage: '',
    help: 'whether an entry was changed or taken out',
    run: async (client) => {
      const verification = await client.auditLog.verify();
      if (verification.brokenAt === null) return verification;
      throw new Error(`The audit log was changed: the chain of hashes breaks at entry ${verification.brokenAt}.`);
    },
  },
};

const toLimits = ({ name, concurrent, queued, storage, reads, writes }: Arguments): UpdateTenant => ({
  ...(name !== undefined && { name }),
  ...(concurrent !== undefined && { maxConcurrentJobs: Number(concurrent) }),
  ...(queued !== undefined && { maxQueuedJobs: Number(queued) }),
  ...(storage !== undefined && { maxStorageBytes: Number(storage) }),
  ...(reads !== undefined && { readsPerMinute: Number(reads) }),
  ...(writes !== undefined && { writesPerMinute: Number(writes) }),
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
