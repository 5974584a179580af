import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import { codeOf } from '../../http/error-code.js';
import type { StoredFile } from '../../storage/storage.js';
import { digestOf, emptyStats, type Inspection, type InspectionSource } from './inspection.js';
import type { Problems } from './problems.js';
import { hashed } from './read-file.js';
import { ROW_READERS } from './read-rows.js';

const MAX_COLUMNS = 100;
const MAX_COLUMN_NAME = 100;

export const isText = (name: string): boolean => extname(name).toLowerCase() in ROW_READERS;

/** Counts the rows and columns of every text file. */
export async function inspectText(source: InspectionSource, problems: Problems): Promise<Inspection> {
  const stats = emptyStats();
  const columns = new Set<string>();
  const used: { name: string; sha256: string }[] = [];
  const nameByHash = new Map<string, string>();
  for (const file of source.listing.files) {
    if (!isText(file.name)) {
      problems.warning(file.name, 'Ignored: not a .jsonl, .csv or .txt file.');
      continue;
    }
    const { rows, sha256 } = await countRows(source, file, columns, problems);
    if (rows === 0) {
      stats.unreadable += 1;
      problems.error(file.name, 'Holds no row that can be used.');
      continue;
    }
    stats.rows += rows;
    stats.bytes += file.sizeBytes;
    const original = nameByHash.get(sha256);
    if (original !== undefined) problems.warning(file.name, `The same content as ${original}.`);
    stats.duplicates += original === undefined ? 0 : 1;
    nameByHash.set(sha256, original ?? file.name);
    used.push({ name: file.name, sha256 });
  }
  if (stats.rows === 0) problems.error('', 'There is no row that can be used.');
  return {
    status: stats.rows > 0 ? 'ready' : 'failed',
    stats: { ...stats, columns: [...columns], digest: digestOf(used) },
    problems: problems.toList(),
  };
}

/** No rows at all when the file as a whole cannot be read. */
async function countRows(
  { storage, signal }: InspectionSource,
  file: StoredFile,
  columns: Set<string>,
  problems: Problems,
) {
  const hash = createHash('sha256');
  let rows = 0;
  const sink = {
    row: () => void (rows += 1),
    column: (name: string) => void (columns.size < MAX_COLUMNS && columns.add(toColumnName(name))),
    problem: (reason: string) => problems.error(file.name, reason),
  };
  try {
    await ROW_READERS[extname(file.name).toLowerCase()]?.(
      hashed(abortable(storage.read(file.key), signal), hash),
      sink,
    );
  } catch (error) {
    signal.throwIfAborted();
    problems.error(file.name, reasonOf(error));
    return { rows: 0, sha256: '' };
  }
  return { rows, sha256: hash.digest('hex') };
}

async function* abortable(chunks: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    yield chunk;
  }
}

/** Names come from the files themselves and must fit into the database. */
const toColumnName = (name: string): string =>
  name.toWellFormed().replaceAll('\0', '\uFFFD').slice(0, MAX_COLUMN_NAME).toWellFormed();

function reasonOf(error: unknown): string {
  if (codeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'Cannot be read: not valid UTF-8.';
  if (/^E[A-Z]+$/.test(codeOf(error))) return `Cannot be read (${codeOf(error)}).`;
  return `Cannot be read: ${(error as Error).message}.`;
}
