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
    // Before the schema, which walks the value recursively. An id that cannot be stored is an id that is not found.
    if (metadata.type !== 'param') assertStorable(value);
    const given = metadata.type === 'body' && value === undefined ? ({} as T) : value;
    const { data } = metadata;
    if (data === undefined) return super.transform(given, metadata);
    return super.transform(given, metadata).catch((error: unknown) => {
      throw error instanceof AppError ? inField(data, error) : error;
    });
  }
}

/** Uploads come as the streams that they are, on whatever route they were sent to. */
const notJson = ({ headers }: IncomingMessage): AppError =>
  new AppError('media_type_unsupported', { contentType: headers['content-type'], expected: 'application/json' });

const inField = (field: string, { code, details }: AppError): AppError =>
  new AppError(code, {
    ...details,
    issues: details.issues?.map(({ path, message }) => ({ path: [field, ...path], message })),
  });

/** What a schema found, as the error answers name it; an unknown key is an issue of its own. */
export function toFieldIssues(issue: SchemaIssue): FieldIssue[] {
  const path = (issue.path ?? []).map((segment) => plainKey(typeof segment === 'object' ? segment.key : segment));
  const unknownKeys = 'keys' in issue && Array.isArray(issue.keys) ? (issue.keys as string[]) : [];
  if (unknownKeys.length === 0) return [{ path, message: issue.message }];
  return unknownKeys.map((key) => ({ path: [...path, key], message: 'Unknown field.' }));
}

const plainKey = (key: PropertyKey): string | number => (typeof key === 'symbol' ? String(key) : key);
