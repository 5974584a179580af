import { globSync, readFileSync } from 'node:fs';
import type { Access } from '../src/auth/access.js';

interface Schema {
  $ref?: string;
  example?: unknown;
}

interface Operation {
  'x-access'?: Access;
  requestBody?: { content: Record<string, { schema: Schema }> };
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

/** One operation of the document, ready to be called. */
export interface DocumentedOperation {
  /** `GET /jobs/{id}` */
  name: string;
  /** Whether errors have the native form, with a code. */
  isNative: boolean;
  method: string;
  path: string;
  access: Access;
  contentType: string | undefined;
  /** The body that the document gives as an example, where it is JSON. */
  example: unknown;
}

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete'];

/** Every operation of the checked-in OpenAPI documents, the native one and those of the other faces. */
export function documentedOperations(): DocumentedOperation[] {
  const docs = new URL('../../../docs/', import.meta.url);
  const files = ['openapi.json', ...globSync('openapi/*.json', { cwd: docs }).sort()];
  return files.flatMap((file) => operationsOf(new URL(file, docs), file === 'openapi.json'));
}

function operationsOf(url: URL, isNative: boolean): DocumentedOperation[] {
  const document = JSON.parse(readFileSync(url, 'utf8')) as Document;
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    METHODS.flatMap((method) => {
      const operation = operations[method];
      if (!operation) return [];
      const [contentType, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
      const schema = content?.schema.$ref?.split('/').at(-1);
      return {
        name: `${method.toUpperCase()} ${path}`,
        isNative,
        method: method.toUpperCase(),
        path,
        access: operation['x-access'] ?? {},
        contentType,
        example: schema === undefined ? undefined : document.components.schemas[schema]?.example,
      };
    }),
  );
}
