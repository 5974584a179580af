import type { OpenAPIObject } from '@nestjs/swagger';
import { ACCESS_EXTENSION, type Access } from '../auth/access.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete'] as const;

/** Errors that any request can meet, whatever its route does, and when an operation can answer with them. */
const COMMON: Record<string, { status: number; description: string; applies: (operation: Operation) => boolean }> = {
  Malformed: { status: 400, description: 'The request is malformed.', applies: () => true },
  Unauthenticated: {
    status: 401,
    description: 'No credentials, or none that prove anything.',
    applies: asksWhoCalls,
  },
  Forbidden: { status: 403, description: 'The credentials do not allow it.', applies: asksWhoCalls },
  NotFound: {
    status: 404,
    description: 'An operator named a tenant that there is not.',
    applies: asksWhoCalls,
  },
  TooSlow: { status: 408, description: 'The request came too slowly.', applies: () => true },
  BodyTooLarge: { status: 413, description: 'The body is larger than the limit.', applies: hasBody },
  MediaTypeUnsupported: { status: 415, description: 'The content type is not taken here.', applies: hasBody },
  HeadersTooLarge: { status: 431, description: 'Address and headers are too large.', applies: () => true },
  LimitReached: { status: 429, description: 'A limit or quota is reached.', applies: asksWhoCalls },
  Internal: { status: 500, description: 'A fault of the service.', applies: () => true },
  Unavailable: { status: 503, description: 'Try again after `Retry-After` seconds.', applies: () => true },
};

const WITH_RETRY_AFTER = [429, 503];
const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds after which to try again.', schema: { type: 'integer' as const, minimum: 1 } },
};

/** Puts into the document what holds for all routes alike, so that no decorator has to repeat it. */
export function applyDocumentRules(document: OpenAPIObject): void {
  addCommonRefusals(document);
  for (const operation of operationsOf(document)) {
    sayWhetherBodyIsNeeded(operation, document);
    describeEventStreams(operation);
  }
}

/** Documents the errors of {@link COMMON} where a route does not say something more exact itself. */
function addCommonRefusals(document: OpenAPIObject): void {
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/ErrorBody' } } };
  const entries = Object.entries(COMMON);
  document.components = {
    ...document.components,
    responses: Object.fromEntries(
      entries.map(([name, { status, description }]) => [
        name,
        { description, content, ...(WITH_RETRY_AFTER.includes(status) && { headers: RETRY_AFTER }) },
      ]),
    ),
  };
  for (const operation of operationsOf(document)) {
    for (const [name, { status, applies }] of entries) {
      if (applies(operation)) operation.responses[status] ??= { $ref: `#/components/responses/${name}` };
    }
  }
}

/** A missing body counts as an empty object, so only a body with members that must be there is needed. */
function sayWhetherBodyIsNeeded({ requestBody }: Operation, { components }: OpenAPIObject): void {
  if (!requestBody || '$ref' in requestBody) return;
  const schema = requestBody.content['application/json']?.schema;
  if (!schema) return;
  const found = '$ref' in schema ? components?.schemas?.[schema.$ref.replace('#/components/schemas/', '')] : schema;
  requestBody.required = found !== undefined && 'required' in found && (found.required?.length ?? 0) > 0;
}

/** What a route says of its events is about their `data`, which is JSON within a line of text. */
function describeEventStreams({ responses }: Operation): void {
  for (const response of Object.values(responses)) {
    const stream = response && 'content' in response ? response.content?.['text/event-stream'] : undefined;
    if (!stream) continue;
    const data = { type: 'string', contentMediaType: 'application/json', contentSchema: stream.schema };
    const text = { type: 'string' };
    stream.schema = { type: 'object', properties: { id: text, event: text, data } } as typeof stream.schema;
  }
}

function operationsOf({ paths }: OpenAPIObject): Operation[] {
  return Object.values(paths).flatMap((path) => METHODS.flatMap((method) => path[method] ?? []));
}

function hasBody({ requestBody }: Operation): boolean {
  return requestBody !== undefined;
}

function asksWhoCalls(operation: Operation): boolean {
  const { isPublic = false } = (operation as { [ACCESS_EXTENSION]?: Access })[ACCESS_EXTENSION] ?? {};
  return !isPublic;
}
