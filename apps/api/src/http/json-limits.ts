import { AppError, fieldError, type FieldIssue } from '@influencerai/shared';

const MAX_DEPTH = 32;
const META_MAX_BYTES = 16_384;
export const META_MAX_DEPTH = 20;

interface Node {
  value: unknown;
  path: (string | number)[];
}

/**
 * Refuses what PostgreSQL cannot store (NUL, lone surrogates, numbers beyond any range) and nesting that would exhaust the stack of whoever walks it
 * recursively. Walks without recursion itself.
 * @throws AppError `validation_failed`
 */
export function assertStorable(value: unknown, maxDepth = MAX_DEPTH, at: FieldIssue['path'] = []): void {
  const open: Node[] = [{ value, path: [...at] }];
  for (let node = open.pop(); node; node = open.pop()) {
    if (typeof node.value === 'string') assertText(node.value, node.path);
    if (typeof node.value === 'number' && !Number.isFinite(node.value)) {
      throw fieldError(node.path.map(plain), 'Must be a number within the range of double precision.');
    }
    if (!isContainer(node.value)) continue;
    if (node.path.length - at.length >= maxDepth) {
      throw fieldError(at.length > 0 ? at : node.path.slice(0, 1), `Must be nested at most ${maxDepth} levels deep.`);
    }
    for (const child of childrenOf(node.value, node.path)) open.push(child);
  }
}

/** @throws AppError `validation_failed` on `meta` when it is too large or nested too deeply */
export function assertMeta(meta: Record<string, unknown>): void {
  assertStorable(meta, META_MAX_DEPTH, ['meta']);
  const sizeBytes = Buffer.byteLength(JSON.stringify(meta));
  if (sizeBytes > META_MAX_BYTES) throw fieldError(['meta'], 'Must be at most 16 kB of JSON.');
}

function* childrenOf(value: object, path: Node['path']): Iterable<Node> {
  for (const [key, child] of Object.entries(value)) {
    assertText(key, path);
    yield { value: child, path: [...path, Array.isArray(value) ? Number(key) : key] };
  }
}

function assertText(text: string, path: Node['path']): void {
  if (text.includes('\0') || !text.isWellFormed()) {
    throw new AppError('validation_failed', {
      issues: [{ path: path.map(plain), message: 'Must not contain NUL characters or lone surrogates.' }],
    });
  }
}

const plain = (segment: string | number): string | number =>
  typeof segment === 'string' ? segment.toWellFormed().replaceAll('\0', '') : segment;

/** Not bodies that are still streams or bytes. */
const isContainer = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !('pipe' in value) && !ArrayBuffer.isView(value);
