import { type HostileRequest, invalid } from './hostile-request.js';

const LIST = 'GET /lora-configs';
const create = { route: 'POST /lora-configs', body: { name: 'x', modelName: 'm' } };
const tenant = { status: 401, code: 'tenant_malformed' } as const;
const download = 'GET /jobs/$JOB/artifacts/loss.csv';

export const HOSTILE_HEADERS: HostileRequest[] = [
  ...[
    'tenant_demo, tenant_other',
    '../tenant_other',
    "x' or 1=1 --",
    '__proto__ ',
    'a'.repeat(65),
    '*',
    'tenant%00',
  ].map((value): HostileRequest => ({
    name: `tenant ${value}`,
    route: LIST,
    headers: { 'x-tenant-id': value },
    refusal: tenant,
  })),
  ...['a b', 'é', 'x'.repeat(256), 'a\tb'].map((key): HostileRequest => ({
    name: `Idempotency-Key ${key.slice(0, 10)}`,
    ...create,
    headers: { 'idempotency-key': key },
    refusal: invalid('idempotency-key'),
  })),
  ...['text/html', 'application/xml', 'application/x-www-form-urlencoded', 'application/jsonx', 'text/json'].map(
    (type): HostileRequest => ({
      name: `JSON called ${type}`,
      ...create,
      headers: { 'content-type': type },
      refusal: { status: 415, code: 'media_type_unsupported' },
    }),
  ),
  ...['bytes=100-', 'bytes=99999999999999999999-'].map((range): HostileRequest => ({
    name: `Range ${range}`,
    route: download,
    headers: { range },
    refusal: { status: 416, code: 'range_not_satisfiable' },
  })),
  ...['-1', '1e9', '\u00b2', '9'.repeat(30), "1' or 1=1"].map((id): HostileRequest => ({
    name: `Last-Event-ID ${id.slice(0, 10)}`,
    route: 'GET /jobs/$JOB/events',
    headers: { 'last-event-id': id },
    refusal: invalid('Last-Event-ID'),
  })),
];

export const HOSTILE_QUERIES: HostileRequest[] = [
  ['take=0', 'take'],
  ['take=-1', 'take'],
  ['take=1000000', 'take'],
  ['take=', 'take'],
  ['take=1e2', 'take'],
  ['take=0x10', 'take'],
  ['take=%2010', 'take'],
  ['take=1&take=2', 'take'],
  ['take[]=1', 'take[]'],
  ['skip=2147483648', 'skip'],
  ['skip=NaN', 'skip'],
  ['sortBy=id;drop%20table%20job', 'sortBy'],
  ['sortBy=__proto__', 'sortBy'],
  ['sortOrder=asc,(select%201)', 'sortOrder'],
  ['modelName=%00', 'modelName'],
  ['tenantId=tenant_other', 'tenantId'],
  [Array.from({ length: 400 }, (_, i) => `x${i}=1`).join('&'), 'x399'],
].map(([query = '', field]) => ({
  name: `query ${query.slice(0, 30)}`,
  route: `${LIST}?${query}`,
  refusal: invalid(field),
}));
