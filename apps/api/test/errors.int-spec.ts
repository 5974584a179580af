import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ErrorBody, ErrorBodySchema } from '@influencerai/shared';
import { startTestApp, TENANT, type TestApp, type TestResponse } from './test-app.js';

let api: TestApp;
beforeAll(async () => {
  api = await startTestApp({ env: { BODY_LIMIT_BYTES: '4096' } });
});
afterAll(() => api.close());

/** Every error has the members of the contract and of RFC 9457, and they agree. */
function expectProblem(
  { status, headers, problem }: TestResponse,
  code: ErrorBody['code'],
  expectedStatus: number,
): void {
  expect([status, problem.code]).toEqual([expectedStatus, code]);
  expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(ErrorBodySchema.parse(problem)).toEqual(problem);
  expect([problem.statusCode, problem.status]).toEqual([status, status]);
  expect(headers.get('x-request-id')).toBeTruthy();
}

describe('errors', () => {
  it.each(['{"name":', 'nonsense', '{"a":1}{', '{"__proto__":{"a":1}}'])(
    'should answer the body %s with 400',
    async (body) => {
      expectProblem(await api.send('POST /lora-configs', { body }), 'body_malformed', 400);
    },
  );

  it.each([
    ['bytes that are no UTF-8', Buffer.from([...Buffer.from('{"name":"'), 0xc3, 0x28, ...Buffer.from('"}')])],
    ['UTF-16', Buffer.from('{"name":"x"}', 'utf16le')],
    ['a compressed body', gzipSync('{"name":"x"}')],
  ])('should answer %s with 400', async (_, bytes) => {
    const answer = await fetch(`${api.url}/lora-configs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-tenant-id': TENANT },
      // In chunks, so that no length gives the damage away.
      body: new Blob([bytes]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect([answer.status, await answer.json()]).toEqual([400, expect.objectContaining({ code: 'body_malformed' })]);
  });

  it('should name a field that is given twice', async () => {
    const answer = await api.send('POST /lora-configs', {
      body: '{"name":"a","modelName":"m","meta":{"list":[{"x":1,"\\u0078":2}]}}',
    });
    expectProblem(answer, 'validation_failed', 400);
    expect(answer.problem.errors?.fieldErrors).toEqual({ 'meta.list.0.x': ['Must not be given twice.'] });
  });

  it('should answer an empty JSON body by naming what is missing', async () => {
    const answer = await api.send('POST /lora-configs');
    expectProblem(answer, 'validation_failed', 400);
    expect(Object.keys(answer.problem.errors?.fieldErrors ?? {}).sort()).toEqual(['modelName', 'name']);
  });

  it.each(['[]', '"text"', '1', 'null', 'true'])(
    'should answer a body that is no object, %s, with 400',
    async (body) => {
      expectProblem(await api.send('POST /lora-configs', { body }), 'validation_failed', 400);
    },
  );

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml'])(
    'should answer %s with 415',
    async (type) => {
      const answer = await api.send('POST /datasets', { body: 'x', headers: { 'content-type': type } });
      expectProblem(answer, 'media_type_unsupported', 415);
      expect(answer.problem.message).toContain('application/json');
    },
  );

  it('should answer a body over the limit with 413', async () => {
    const answer = await api.send('POST /lora-configs', { body: { name: 'x'.repeat(5000) } });
    expectProblem(answer, 'body_too_large', 413);
    expect(answer.problem.message).toContain('4096 bytes');
  });

  it.each(['GET /nowhere', 'GET /', 'POST /datasets/x/y'])('should answer %s with 404', async (route) => {
    expectProblem(await api.send(route), 'route_not_found', 404);
  });

  it.each(['/datasets/%zz', '/%ff', `/datasets/${'x'.repeat(600)}`])(
    'should answer a path that is no path with 404: %#',
    async (path) => {
      expectProblem(await api.send(`GET ${path}`), 'route_not_found', 404);
    },
  );

  it.each(['tenant demo', '-x', 'x'.repeat(65), '../x', 'a;b'])('should refuse the tenant %j', async (tenant) => {
    expectProblem(await api.send('GET /datasets', { tenant }), 'tenant_malformed', 401);
  });

  it('should ask for the tenant before it looks at the body', async () => {
    expectProblem(await api.send('POST /lora-configs', { tenant: null, body: { epochs: 0 } }), 'tenant_missing', 401);
  });

  it('should name the path of the request without its query', async () => {
    expect((await api.send('GET /datasets/x?a=1')).problem.instance).toBe('/datasets/x');
  });

  it('should refuse text that cannot be stored, wherever it stands', async () => {
    const answer = await api.send('POST /lora-configs', {
      body: '{"name":"x","modelName":"m","meta":{"a":[{"b":"\\u0000"}]}}',
    });
    expectProblem(answer, 'validation_failed', 400);
    expect(Object.keys(answer.problem.errors?.fieldErrors ?? {})).toEqual(['meta.a.0.b']);
    for (const text of ['"\\ud800"', '{"\\u0000":1}']) {
      expectProblem(
        await api.send('POST /lora-configs', { body: `{"name":"x","modelName":"m","meta":{"a":${text}}}` }),
        'validation_failed',
        400,
      );
    }
  });

  it('should refuse numbers that are none', async () => {
    expectProblem(
      await api.send('POST /lora-configs', { body: '{"name":"x","modelName":"m","meta":{"a":1e999}}' }),
      'validation_failed',
      400,
    );
  });

  it('should survive nesting that would exhaust the stack', async () => {
    const body = `{"name":"x","modelName":"m","meta":${'{"a":'.repeat(500)}1${'}'.repeat(500)}}`;
    const deep = await api.send('POST /lora-configs', { body });
    expectProblem(deep, 'validation_failed', 400);
  });

  it('should take a long list of values without trouble', async () => {
    const { status } = await api.send('POST /lora-configs', { body: `[${'1,'.repeat(2000)}1]` });
    expect(status).toBe(400);
  });

  it('should keep a request id that is sane and replace others', async () => {
    const idOf = async (id: string) =>
      (await api.send('GET /health/live', { headers: { 'x-request-id': id } })).headers.get('x-request-id');
    expect(await idOf('req-1.A_b')).toBe('req-1.A_b');
    expect(await idOf('has space')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('should not create a row for a refused request', async () => {
    await api.send('POST /lora-configs', { body: { name: 'x', modelName: 'm', epochs: 0 } });
    expect((await api.send('GET /lora-configs', { tenant: TENANT })).headers.get('x-total-count')).toBe('0');
  });
});

describe('the OpenAPI document', () => {
  interface Answer {
    $ref?: string;
    content?: Record<string, { schema?: unknown }>;
  }
  interface Operation {
    summary?: string;
    security?: object[];
    'x-access'?: { isPublic?: boolean };
    responses: Record<string, Answer>;
    requestBody?: { content: Record<string, { schema?: unknown }> };
  }
  interface Document {
    openapi: string;
    security: object[];
    paths: Record<string, Record<string, Operation>>;
    components: Record<string, Record<string, Answer & { example?: unknown }>>;
  }
  let document: Document;
  let operations: [string, Operation][];
  beforeAll(async () => {
    document = (await api.send<Document>('GET /api-json', { tenant: null })).body;
    operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
    );
  });

  it('should be 3.1 and refer to nothing that is missing', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref);
    expect(document.openapi).toBe('3.1.0');
    const isThere = (ref = '') => {
      const [, kind = '', name = ''] = /^#\/components\/(schemas|responses)\/(\w+)$/.exec(ref) ?? [];
      return document.components[kind]?.[name] !== undefined;
    };
    expect(refs.filter((ref) => !isThere(ref))).toEqual([]);
    expect(JSON.stringify(document)).not.toContain('$defs');
  });

  it('should give every route a summary and an answer, and ask everybody who calls but for health', () => {
    const poor = operations.filter(
      ([, { summary, responses, security, 'x-access': access }]) =>
        !summary ||
        !Object.keys(responses).some((status) => status.startsWith('2')) ||
        (security !== undefined) !== (access?.isPublic ?? false),
    );
    expect(poor.map(([route]) => route)).toEqual([]);
    const open = operations.filter(([, operation]) => operation['x-access']?.isPublic).map(([route]) => route);
    // The download asks for a signature in place of a caller.
    const download = 'get /downloads/{tenantId}/{jobId}/{name}';
    expect(open.sort()).toEqual([download, 'get /health', 'get /health/live', 'get /health/ready', 'options /uploads']);
    expect(document.security).toEqual([{ tenant: [] }, { token: [] }]);
  });

  const named = (ref = '') => document.components['responses']?.[ref.replace('#/components/responses/', '')];

  it('should document errors in the one format', () => {
    const contents = operations.flatMap(([, { responses }]) =>
      Object.entries(responses).flatMap(([status, { $ref, content }]) =>
        Number(status) >= 400 ? Object.keys((named($ref) ?? { content }).content ?? {}) : [],
      ),
    );
    expect(new Set(contents)).toEqual(new Set(['application/problem+json']));
  });

  it.each([
    'CreateDataset',
    'Dataset',
    'UpdateDatasetStatus',
    'CreateLoraConfig',
    'LoraConfig',
    'UpdateLoraConfig',
    'CreateJob',
  ])('should show an example of %s', (name) => {
    const schema = document.components['schemas']?.[name] as { example?: unknown; examples?: unknown[] };
    expect(schema.example ?? schema.examples?.[0]).toBeDefined();
  });

  it('should serve Swagger UI at /api', async () => {
    const { status, text } = await api.send('GET /api', { tenant: null });
    expect([status, text.includes('swagger-ui')]).toEqual([200, true]);
  });
});
