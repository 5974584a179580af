import { AppError, fieldError, type UploadDataset, UploadDatasetSchema } from '@influencerai/shared';
import { findRepeatedName } from '../http/json-body.js';
import { assertMeta, assertStorable, META_MAX_DEPTH } from '../http/json-limits.js';
import { toFieldIssues } from '../http/validation.pipe.js';

/** Text that came beside the files of an upload, by name. */
export class UploadForm {
  private readonly fields = new Map<string, string>();

  /** @throws AppError `validation_failed` when it was given before, or cannot be stored */
  set(name: string, value: string): void {
    if (this.fields.has(name)) throw fieldError([name], 'Must be given once.');
    assertStorable(value, undefined, [name]);
    this.fields.set(name, value);
  }

  has(name: string): boolean {
    return this.fields.has(name);
  }

  /** @throws AppError `validation_failed` that names the field */
  read(): UploadDataset {
    const { meta, ...others } = Object.fromEntries(this.fields);
    const given = meta === undefined ? others : { ...others, meta: parseJson(meta) };
    const { success, data, error } = UploadDatasetSchema.safeParse(given);
    if (!success) throw new AppError('validation_failed', { issues: error.issues.flatMap(toFieldIssues) });
    assertMeta(data.meta);
    return data;
  }
}

function parseJson(text: string): unknown {
  const value = parseText(text);
  // First of all: whatever walks by recursion, such as the check of keys below, would exhaust the stack.
  assertStorable(value, META_MAX_DEPTH, ['meta']);
  if (hasPrototypeKey(value)) throw malformed();
  const repeated = findRepeatedName(text);
  if (repeated) throw fieldError(['meta', ...repeated], 'Must not be given twice.');
  return value;
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw malformed();
  }
}

/** A key that would change the object itself where somebody copies it. */
function hasPrototypeKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasPrototypeKey);
}

const malformed = (): AppError => fieldError(['meta'], 'Must be a JSON object.');
