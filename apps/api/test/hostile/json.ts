import { type HostileRequest, invalid } from './hostile-request.js';

const config = (rest: string) => `{"name":"x","modelName":"m",${rest}}`;
const malformed = { status: 400, code: 'body_malformed' } as const;
const nested = (depth: number, open: string, close: string) => open.repeat(depth) + '1' + close.repeat(depth);

const create = (name: string, body: unknown, refusal: HostileRequest['refusal']): HostileRequest => ({
  name: `JSON: ${name}`,
  route: 'POST /lora-configs',
  body,
  refusal,
});

export const HOSTILE_JSON: HostileRequest[] = [
  create('a prototype', config('"__proto__":{"isDefault":true}'), malformed),
  create('a prototype within', config('"meta":{"a":{"__proto__":{"x":1}}}'), malformed),
  create('a prototype, escaped', config(String.raw`"meta":{"\u005f_proto__":{"x":1}}`), malformed),
  create("a constructor's prototype", config('"meta":{"constructor":{"prototype":{"x":1}}}'), malformed),
  create('a name twice', config('"epochs":1,"epochs":1000'), invalid('epochs')),
  create('a name twice, once escaped', config(String.raw`"meta":{"a":1,"\u0061":2}`), invalid('meta.a')),
  create('another tenant', config('"tenantId":"tenant_other"'), invalid('tenantId')),
  create('an id of its own', config('"id":"0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d"'), invalid('id')),
  create('33 levels', config(`"meta":{"a":${nested(33, '[', ']')}}`), invalid('meta')),
  create('20,000 levels', config(`"meta":{"a":${nested(20_000, '[', ']')}}`), invalid('meta')),
  create('20,000 levels of objects', config(`"meta":${nested(20_000, '{"a":', '}')}`), invalid('meta')),
  create('20 kB in meta', config(`"meta":{"a":"${'x'.repeat(20_000)}"}`), invalid('meta')),
  create(
    '5,000 names in meta',
    config(`"meta":{${Array.from({ length: 5000 }, (_, i) => `"k${i}":1`).join()}}`),
    invalid('meta'),
  ),
  create('2 MB', config(`"description":"${'x'.repeat(2_000_000)}"`), { status: 413, code: 'body_too_large' }),
  create('NUL', config(String.raw`"description":"a\u0000b"`), invalid('description')),
  create('NUL in a name', config(String.raw`"meta":{"a\u0000":1}`), invalid('meta')),
  create('half of a character', config(String.raw`"description":"\ud800"`), invalid('description')),
  create('an infinite number', config('"learningRate":1e999'), invalid('learningRate')),
  create('a number beyond exactness', config('"epochs":9007199254740993'), invalid('epochs')),
  create('a number of 1,000 digits', config(`"epochs":${'9'.repeat(1000)}`), invalid('epochs')),
  create('NaN', config('"learningRate":NaN'), malformed),
  create('hexadecimal', config('"epochs":0x10'), malformed),
  create('a number as text', config('"epochs":"10"'), invalid('epochs')),
  create('a list for a number', config('"epochs":[10]'), invalid('epochs')),
  create('an object for text', { name: { $ne: null }, modelName: 'm' }, invalid('name')),
  create('a comment', config('/* x */ "epochs":1'), malformed),
  create('two documents', `${config('"epochs":1')}${config('"epochs":1')}`, malformed),
  create('null', 'null', invalid()),
  create('bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), malformed),
];

/** Whatever would be run or looked up if a name were taken for more than a name. */
export const HOSTILE_NAMES: HostileRequest[] = [
  { name: 'an empty name', body: { name: ' \u00a0', modelName: 'm' }, refusal: invalid('name') },
  { name: 'a name of 101 characters', body: { name: 'x'.repeat(101), modelName: 'm' }, refusal: invalid('name') },
  { name: 'a model of 256 characters', body: { name: 'x', modelName: 'm'.repeat(256) }, refusal: invalid('modelName') },
].map((input) => ({ route: 'POST /lora-configs', ...input }));
