import { type HostileRequest, invalid } from './hostile-request.js';

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const nestedObjects = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);

const BOUNDARY = 'x-boundary-x';

const part = (disposition: string, content: string): string =>
  `--${BOUNDARY}\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n${content}\r\n`;

const asForm = (name: string, meta: string): HostileRequest => ({
  name: `form: ${name}`,
  route: 'POST /datasets/upload',
  headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
  body: Buffer.from(
    part('name="kind"', 'fine-tuning') +
      part('name="meta"', meta) +
      part('name="files"; filename="a.txt"', 'text') +
      `--${BOUNDARY}--\r\n`,
  ),
  refusal: invalid('meta'),
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const asMetadata = (name: string, meta: string): HostileRequest => ({
  name: `tus: ${name}`,
  route: 'POST /uploads',
  headers: {
    'tus-resumable': '1.0.0',
    'upload-length': '4',
    'upload-metadata': `filename ${base64('a.txt')},kind ${base64('fine-tuning')},meta ${base64(meta)}`,
  },
  refusal: invalid('meta'),
});

/** `meta` comes as text there, and is parsed elsewhere than the bodies of other requests. */
export const HOSTILE_UPLOADS: HostileRequest[] = [
  asForm('5,000 levels', nested(5000)),
  asForm('5,000 levels of a field', `{"a":${nested(5000)}}`),
  asForm('5,000 levels of objects', nestedObjects(5000)),
  asForm('a prototype deep within', `{"a":[{"b":{"__proto__":{"x":1}}}]}`),
  asMetadata('5,000 levels', nested(5000)),
  asMetadata('1,500 levels of objects', nestedObjects(1500)),
  asMetadata('a prototype deep within', `{"a":[{"b":{"__proto__":{"x":1}}}]}`),
];
