import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Adapter,
  type Dataset,
  type Job,
  type Page,
  type Project,
  SCOPES,
  type Scope,
} from '@influencerai/shared';
import { mintKey } from '../src/auth/api-key.js';
import { Database } from '../src/database/database.js';
import { newId } from '../src/http/new-id.js';
import { writeFiles } from './dataset-files.js';
import { HttpWorker, JobsFixture } from './jobs-fixture.js';
import { type DocumentedOperation, documentedOperations } from './openapi-operations.js';
import { OTHER_TENANT, TENANT, type TestApp } from './test-app.js';
import { startTokenApp, type TokenApp } from './token-app.js';

/*
 * Every operation of the OpenAPI documents, called by everybody who must not: without credentials, with wrong ones,
 * without the scope, and with another tenant's key on ids that exist. What is not in the document is not served.
 */

const OPERATIONS = documentedOperations();
const GUARDED = OPERATIONS.filter(({ access }) => !access.isPublic);
/** Public ones that a signature opens, and nothing else. */
const SIGNED = OPERATIONS.filter(({ access }) => access.isSigned);
const SUBMISSIONS = ['POST /jobs', 'POST /jobs/preview', 'POST /api/training/submit'];
/** Those that name something of a tenant's, in the path or in the body. */
const ON_ROWS = GUARDED.filter(
  ({ access, path, name }) =>
    !access.isForOperators && (/\{(id|keyId|userId|name|file)\}/.test(path) || SUBMISSIONS.includes(name)),
);

/** Parameters that some cannot be called without. */
const QUERIES: Readonly<Record<string, string>> = {
  'PUT /jobs/{id}/artifacts/{name}': '?attempt=1&kind=sample',
  'GET /jobs/{id}/dataset/files': '?name=a.png',
};

/** What a request points at. */
interface Ids {
  dataset: string;
  config: string;
  job: string;
  key: string;
  user: string;
  artifact: string;
  adapter: string;
  upload: string;
  project: string;
  /** The same, as a contract with integer ids calls it; also the first dataset and the first job. */
  projectNumber: string;
  session: string;
}

const UNKNOWN: Ids = {
  dataset: newId(),
  config: newId(),
  job: newId(),
  key: newId(),
  user: 'nobody',
  artifact: 'nothing.png',
  adapter: 'no-adapter',
  upload: newId(),
  project: newId(),
  projectNumber: '424242',
  session: 'no-session',
};

let api: TokenApp;
let ids: Ids;
let counted = 0;

beforeAll(async () => {
  // The worker of the fixture never reports again, and the matrix takes as long as it takes.
  api = await startTokenApp({ env: { LEASE_MS: '3600000' } });
  const mine = api.as((await api.makeKey(['read', 'write'])).key);
  const fixture = await JobsFixture.create(mine);
  const { id: job } = await fixture.submit();
  const worker = await new HttpWorker(api.as(api.workerKey)).register();
  const claimed = await worker.claim();
  await putFile(`/jobs/${job}/artifacts/a.png?attempt=${claimed?.attempt}&kind=sample`);
  const adapter = await finishJob(mine, await fixture.submit(), worker);
  await api.send('POST /users', { key: api.operatorKey, tenant: TENANT, body: { id: 'lovelace' } });
  const { id: key } = await api.makeKey(['read']);
  const project = await createProject(mine);
  ids = {
    dataset: fixture.dataset.id,
    config: fixture.config.id,
    job,
    key,
    user: 'lovelace',
    artifact: 'a.png',
    adapter,
    upload: await openUpload(mine),
    project: project.id,
    projectNumber: String(project.number),
    session: await startSession(mine, fixture),
  };
});
afterAll(async () => {
  await api.close();
  process.stdout.write(`access matrix: ${OPERATIONS.length} operations, ${counted} calls by who must not\n`);
});

const AS_WORKER = () => ({ authorization: `Bearer ${api.workerKey}`, 'x-tenant-id': TENANT });

const putFile = (path: string) =>
  fetch(api.url + path, {
    method: 'PUT',
    headers: { ...AS_WORKER(), 'content-type': 'application/octet-stream' },
    body: 'x',
  });

/** @returns the id of a resumable upload that waits for its bytes */
async function openUpload(mine: TestApp): Promise<string> {
  const metadata = Object.entries({ filename: 'rows.jsonl', kind: 'fine-tuning' })
    .map(([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`)
    .join(',');
  const headers = { 'tus-resumable': '1.0.0', 'upload-length': '10', 'upload-metadata': metadata };
  const { headers: answer } = await mine.send('POST /uploads', { headers });
  return answer.get('location')!.split('/').at(-1)!;
}

async function createProject(mine: TestApp): Promise<Project> {
  await writeFiles(mine.folderOf(TENANT), { 'texts/rows.jsonl': '{"text":"a"}\n' });
  const { body: dataset } = await mine.send<Dataset>('POST /datasets', {
    body: { kind: 'fine-tuning', path: 'data/texts/rows.jsonl' },
  });
  const traits = [{ type: 'coding', datasets: [{ datasetId: dataset.id, percentage: 100 }] }];
  const body = { name: 'matrix', baseModel: 'tiny-text', outputDirectory: 'data/projects/matrix', traits };
  return (await mine.send<Project>('POST /projects', { body })).body;
}

/** @returns the name of a session that waits for steps */
async function startSession(mine: TestApp, { submission }: JobsFixture): Promise<string> {
  const session = { name: 'their-session', maxSteps: 5 };
  await mine.send('POST /jobs', { body: { ...submission, session } });
  return session.name;
}

/** @returns the name of the adapter that the job became */
async function finishJob(mine: TestApp, { id }: Job, worker: HttpWorker): Promise<string> {
  const attempt = (await worker.claim())?.attempt;
  await putFile(`/jobs/${id}/artifacts/final.safetensors?attempt=${attempt}&kind=lora`);
  const headers = AS_WORKER();
  await api.send(`PATCH /jobs/${id}`, { tenant: null, headers, body: { status: 'completed', attempt } });
  const { body } = await mine.send<Page<Adapter>>('GET /adapters');
  return body.data[0]!.name;
}

const call = async (operation: DocumentedOperation, key: string | undefined, { at = ids, change = {} } = {}) => {
  counted += 1;
  const headers: Record<string, string> = { ...change };
  if (operation.path.startsWith('/uploads')) Object.assign(headers, { 'tus-resumable': '1.0.0', 'upload-offset': '0' });
  if (key !== undefined) headers['authorization'] = `Bearer ${key}`;
  const { body, contentType } = bodyOf(operation, at);
  if (contentType !== undefined) headers['content-type'] = contentType;
  const query = QUERIES[operation.name] ?? '';
  const response = await fetch(api.url + pathOf(operation, at) + query, { method: operation.method, headers, body });
  const text = await response.text();
  return { status: response.status, text, code: codeOf(text) };
};

/** Answers to HEAD have no body. */
const codeOf = (text: string): string | undefined =>
  text === '' ? undefined : (JSON.parse(text) as { code?: string }).code;

const saysCode = ({ isNative, method }: DocumentedOperation): boolean => isNative && method !== 'HEAD';

function pathOf({ path }: DocumentedOperation, at: Ids): string {
  const feature = path.split('/')[1];
  const idOf: Record<string, string> = {
    datasets: at.dataset,
    'lora-configs': at.config,
    uploads: at.upload,
    projects: at.project,
    sessions: at.session,
  };
  return path
    .replace('{keyId}', at.key)
    .replace('{userId}', at.user)
    .replace('{tenantId}', TENANT)
    .replace('{jobId}', at.job)
    .replace('{name}', feature === 'adapters' ? at.adapter : at.artifact)
    .replace('{file}', `${at.job}.json`)
    .replace('{id}', path.startsWith('/api/v1/') ? at.projectNumber : (idOf[feature ?? ''] ?? at.job));
}

function bodyOf({ contentType, example, name }: DocumentedOperation, at: Ids) {
  if (contentType === undefined) return { body: undefined };
  if (contentType === 'multipart/form-data') {
    const form = new FormData();
    form.append('kind', 'lora-training');
    // Its boundary is in the header that fetch makes.
    return { body: form };
  }
  if (contentType !== 'application/json') return { body: 'x', contentType };
  const ids = { payload: { datasetId: at.dataset, loraConfigId: at.config } };
  const body = SUBMISSIONS.includes(name)
    ? { ...(example as object), ...(name.startsWith('POST /jobs') ? ids : { dataset_id: at.dataset }) }
    : example;
  return { body: JSON.stringify(body ?? {}), contentType };
}

/** Ids and the path with them may differ, nothing else. */
const blank = (text: string, at: Ids) => Object.values(at).reduce((rest, id) => rest.replaceAll(id, '<id>'), text);

const scopeOf = ({ access, method }: DocumentedOperation): Scope =>
  access.scope ?? (['GET', 'HEAD'].includes(method) ? 'read' : 'write');

describe('who is nobody', () => {
  it.each(GUARDED)('should be refused: $name', async (operation) => {
    const expired = await api.makeKey([...SCOPES.filter((scope) => scope !== 'worker')], {
      expiresAt: new Date(Date.now() + 60_000).toISOString(),
    });
    await api.app
      .get(Database)
      .pool.query(`update api_key set expires_at = now() - interval '1 second' where id = $1`, [expired.id]);
    const answers = [
      await call(operation, undefined),
      await call(operation, undefined, { change: { 'x-tenant-id': TENANT } }),
      await call(operation, mintKey().key),
      await call(operation, 'iak_nothing'),
      await call(operation, `${expired.key.slice(0, -1)}!`),
      await call(operation, expired.key),
    ];
    const codes = ['missing', 'missing', 'invalid', 'invalid', 'invalid', 'expired'];
    expect(answers.map(({ status, code }) => ({ status, code }))).toEqual(
      codes.map((code) => ({ status: 401, code: saysCode(operation) ? `credentials_${code}` : undefined })),
    );
  });
});

describe('who lacks the scope', () => {
  it.each(GUARDED)('should be refused: $name', async (operation) => {
    const others = SCOPES.filter((scope) => scope !== scopeOf(operation));
    const isOperators = operation.access.isForOperators === true;
    const allowed = operation.access.isForHolder ? others.filter((scope) => scope !== 'worker') : others;
    const owner = isOperators ? null : TENANT;
    const scopes = owner === null ? allowed : allowed.filter((scope) => scope !== 'worker');
    const { key } = await api.makeKey(scopes, { tenant: owner });
    const { status, code } = await call(operation, key);
    expect({ status, code }).toEqual({ status: 403, code: saysCode(operation) ? 'scope_missing' : undefined });
    if (!isOperators) return;
    const tenants = await api.makeKey(['read', 'write', 'admin']);
    const refused = await call(operation, tenants.key);
    expect([refused.status, refused.code]).toEqual([403, saysCode(operation) ? 'operator_only' : undefined]);
  });
});

describe('a worker that does not hold the job', () => {
  const OF_TENANTS = GUARDED.filter(({ access }) => !access.isForOperators && !access.isTenantOptional);
  let key: string;
  beforeAll(async () => {
    ({ key } = await api.makeKey(['worker'], { tenant: null }));
  });

  it.each(OF_TENANTS)('should be refused: $name', async (operation) => {
    const { status, code } = await call(operation, key, { change: { 'x-tenant-id': TENANT } });
    const [expected, reason] = operation.access.isForHolder ? [409, 'job_not_held'] : [403, 'scope_missing'];
    expect({ status, code }).toEqual({ status: expected, code: saysCode(operation) ? reason : undefined });
  });
});

describe('who has no signature', () => {
  it.each(SIGNED)('should be refused, whatever the credentials: $name', async (operation) => {
    const { key } = await api.makeKey(['read', 'write', 'admin']);
    for (const credential of [undefined, mintKey().key, key, api.workerKey, api.operatorKey]) {
      const existing = await call(operation, credential);
      const unknown = await call(operation, credential, { at: UNKNOWN });
      expect(existing).toMatchObject({ status: 403, code: 'link_invalid' });
      expect(blank(unknown.text, UNKNOWN)).toBe(blank(existing.text, ids));
    }
  });
});

describe('another tenant', () => {
  /** What a tenant owns, as one text. */
  const contents = async () => {
    const { pool } = api.app.get(Database);
    const tables = await pool.query<{ name: string }>(
      `select c.table_name as name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
        where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.column_name = 'tenant_id' order by 1`,
    );
    const texts = await Promise.all(
      tables.rows.map(async ({ name }) => {
        const { rows } = await pool.query(`select * from ${name} where tenant_id = $1 order by 1, 2`, [TENANT]);
        return JSON.stringify([name, rows]);
      }),
    );
    const tenant = await pool.query('select * from tenant where id = $1', [TENANT]);
    return texts.join('\n') + JSON.stringify(tenant.rows);
  };

  it.each(ON_ROWS)('should get the same bytes for what exists and what does not: $name', async (operation) => {
    const before = await contents();
    const { key } = await api.makeKey(['read', 'write', 'admin'], { tenant: OTHER_TENANT });
    const existing = await call(operation, key);
    const unknown = await call(operation, key, { at: UNKNOWN });
    expect(existing.status).toBe(404);
    expect(unknown.status).toBe(404);
    expect(blank(existing.text, ids)).toBe(blank(unknown.text, UNKNOWN));
    expect(await contents()).toBe(before);
  });

  it('should find nothing of it in any list', async () => {
    const { key } = await api.makeKey(['read', 'write', 'admin'], { tenant: OTHER_TENANT });
    const lists = GUARDED.filter(
      ({ method, path, access }) => method === 'GET' && !/\{/.test(path) && !access.isForOperators,
    );
    for (const operation of lists) {
      const { status, text } = await call(operation, key);
      expect([operation.name, status]).toEqual([operation.name, 200]);
      // What this tenant itself has asked for.
      if (operation.path === '/audit-log') continue;
      for (const id of [ids.dataset, ids.config, ids.job, ids.key, ids.adapter, ids.project, TENANT])
        expect(text).not.toContain(id);
    }
  });
});
