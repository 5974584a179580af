import { readFileSync } from 'node:fs';
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
  method: string;
  path: string;
  access: Access;
  contentType: string | undefined;
  /** The body that the document gives as an example, where it is JSON. */
  example: unknown;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** Every operation of the checked-in OpenAPI document. */
export function documentedOperations(): DocumentedOperation[] {
  const url = new URL('../../../docs/openapi.json', import.meta.url);
  const document = JSON.parse(readFileSync(url, 'utf8')) as Document;
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    METHODS.flatMap((method) => {
      const operation = operations[method];
      if (!operation) return [];
      const [contentType, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
      const schema = content?.schema.$ref?.split('/').at(-1);
      return {
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        access: operation['x-access'] ?? {},
        contentType,
        example: schema === undefined ? undefined : document.components.schemas[schema]?.example,
      };
    }),
  );
}
