import { Injectable, StandardSchemaValidationPipe } from '@nestjs/common';
import { AppError, type FieldIssue } from '@influencerai/shared';
import { assertStorable } from './json-limits.js';

type SchemaIssue = Parameters<NonNullable<ConstructorParameters<typeof StandardSchemaValidationPipe>[0]>['exceptionFactory'] & object>[0][number];

/** Validates bodies, queries and parameters with the schema on their decorator; failures become `validation_failed`. */
@Injectable()
export class ValidationPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({ exceptionFactory: (issues) => new AppError('validation_failed', { issues: issues.flatMap(toFieldIssues) }) });
  }

  /** A missing body is an empty one, so that the answer names the fields that are missing. */
  override async transform<T>(value: T, metadata: Parameters<StandardSchemaValidationPipe['transform']>[1]): Promise<T> {
    // Before the schema, which walks the value recursively.
    assertStorable(value);
    return super.transform(metadata.type === 'body' && value == null ? ({} as T) : value, metadata);
  }
}

function toFieldIssues(issue: SchemaIssue): FieldIssue[] {
  const path = (issue.path ?? []).map((segment) => plainKey(typeof segment === 'object' ? segment.key : segment));
  const unknownKeys = 'keys' in issue && Array.isArray(issue.keys) ? (issue.keys as string[]) : [];
  if (unknownKeys.length === 0) return [{ path, message: issue.message }];
  return unknownKeys.map((key) => ({ path: [...path, key], message: 'Unknown field.' }));
}

const plainKey = (key: PropertyKey): string | number => (typeof key === 'symbol' ? String(key) : key);
