import { IncomingMessage } from 'node:http';
import { type ArgumentMetadata, Injectable, StandardSchemaValidationPipe } from '@nestjs/common';
import { AppError, type FieldIssue } from '@influencerai/shared';
import { assertStorable } from './json-limits.js';

type SchemaIssue = Parameters<
  NonNullable<ConstructorParameters<typeof StandardSchemaValidationPipe>[0]>['exceptionFactory'] & object
>[0][number];

/** Validates bodies, queries and parameters with the schema on their decorator; failures become `validation_failed`. */
@Injectable()
export class ValidationPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({
      exceptionFactory: (issues) => new AppError('validation_failed', { issues: issues.flatMap(toFieldIssues) }),
    });
  }

  /**
   * A missing body is an empty one, so that the answer names the fields that are missing; an issue of a single
   * parameter gets that parameter's name.
   */
  override async transform<T>(value: T, metadata: ArgumentMetadata): Promise<T> {
    if (value instanceof IncomingMessage) throw notJson(value);
    const given = metadata.type === 'body' && value === undefined ? ({} as T) : value;
    try {
      // Before the schema, which walks the value recursively. An id that cannot be stored is an id that is not found.
      if (metadata.type !== 'param') assertStorable(value);
      return await super.transform(given, metadata);
    } catch (error) {
      throw error instanceof AppError ? placed(error, metadata) : error;
    }
  }
}

const PARTS = { body: 'body', query: 'query', param: 'path', custom: undefined } as const satisfies Record<
  ArgumentMetadata['type'],
  string | undefined
>;

/** Uploads come as the streams that they are, on whatever route they were sent to. */
const notJson = ({ headers }: IncomingMessage): AppError =>
  new AppError('media_type_unsupported', { contentType: headers['content-type'], expected: 'application/json' });

/** The same, saying of which part of the request it is, and of which parameter where a single one was asked for. */
const placed = ({ code, details }: AppError, { type, data }: ArgumentMetadata): AppError =>
  new AppError(code, {
    ...details,
    part: PARTS[type],
    issues: details.issues?.map(({ path, message }) => ({
      path: data === undefined ? path : [data, ...path],
      message,
    })),
  });

/** What a schema found, as the error answers name it; an unknown key is an issue of its own. */
export function toFieldIssues(issue: SchemaIssue): FieldIssue[] {
  const path = (issue.path ?? []).map((segment) => plainKey(typeof segment === 'object' ? segment.key : segment));
  const unknownKeys = 'keys' in issue && Array.isArray(issue.keys) ? (issue.keys as string[]) : [];
  if (unknownKeys.length === 0) return [{ path, message: issue.message }];
  return unknownKeys.map((key) => ({ path: [...path, key], message: 'Unknown field.' }));
}

const plainKey = (key: PropertyKey): string | number => (typeof key === 'symbol' ? String(key) : key);
