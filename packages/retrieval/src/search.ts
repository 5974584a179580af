import { constants, DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { FORMAT } from './format.js';
import type { SearchAnswer, SearchRequest } from './search-request.js';

/** How many of each list are merged. */
const CANDIDATES = 100;
/** Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion", SIGIR 2009: what comes first in one list alone does not win all. */
const RANK_OFFSET = 60;
const MAX_TERMS = 64;

/** Statements of ours read; whatever else a file could bring to run is refused. */
const READS: readonly number[] = [
  constants.SQLITE_SELECT,
  constants.SQLITE_READ,
  constants.SQLITE_FUNCTION,
  constants.SQLITE_PRAGMA,
];

/** The best chunks of an index, best first. @throws when the file is no index */
export const search = ({ file, query, limit, embedding }: SearchRequest): SearchAnswer => {
  const database = open(file);
  const meta = metaOf(database);
  const byWords = rankWords(database, query);
  const isHybrid = embedding !== undefined && meta['embedding_model'] === embedding.model;
  const ranked = isHybrid ? fuse([byWords, rankVectors(database, Float32Array.from(embedding.vector))]) : byWords;
  const find = database.prepare('select row, text from chunk where id = ?');
  const hits = ranked.slice(0, limit).map(({ id, score }) => {
    const { row, text } = find.get(id) as { row: number; text: string };
    return { row, text, score };
  });
  return { mode: isHybrid ? 'hybrid' : 'text', hits };
};

/** What the index was made with. @throws when the file is no index */
export const readMeta = (file: string): Record<string, string> => metaOf(open(file));

const metaOf = (database: DatabaseSync): Record<string, string> => {
  const rows = database.prepare('select key, value from meta').all() as { key: string; value: string }[];
  const meta = Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  if (meta['format'] !== FORMAT)
    throw new Error(`The index has the format ${meta['format']}; ${FORMAT} is understood.`);
  return meta;
};

interface Ranked {
  id: number;
  /** Higher is better. */
  score: number;
}

const open = (file: string): DatabaseSync => {
  const url = pathToFileURL(file);
  // Never changed: no lock is taken, and no journal beside it is believed.
  url.searchParams.set('immutable', '1');
  const database = new DatabaseSync(url, { readOnly: true });
  database.exec('pragma trusted_schema = off; pragma cell_size_check = on; pragma mmap_size = 0');
  database.setAuthorizer((action) => (READS.includes(action) ? constants.SQLITE_OK : constants.SQLITE_DENY));
  return database;
};

const rankWords = (database: DatabaseSync, query: string): Ranked[] => {
  const terms = termsOf(query);
  if (terms.length === 0) return [];
  const match = terms.map((term) => `"${term}"`).join(' OR ');
  return database
    .prepare(
      'select rowid as id, -bm25(words) as score from words where words match ? order by bm25(words), rowid limit ?',
    )
    .all(match, CANDIDATES) as unknown as Ranked[];
};

/** Words and numbers; what the query language of FTS5 would take for operators is none here. */
export const termsOf = (query: string): string[] =>
  [...new Set(query.normalize('NFKC').match(/[\p{L}\p{N}\p{M}]+/gu))].slice(0, MAX_TERMS);

/** Compares all: exact, and fast enough for some hundred thousand. */
const rankVectors = (database: DatabaseSync, wanted: Float32Array): Ranked[] => {
  const best: Ranked[] = [];
  let least = -Infinity;
  for (const row of database.prepare('select id, value from vector').iterate()) {
    const score = dot(wanted, row['value'] as Uint8Array);
    if (best.length === CANDIDATES && score <= least) continue;
    const at = best.findLastIndex((other) => other.score >= score) + 1;
    best.splice(at, 0, { id: row['id'] as number, score });
    best.length = Math.min(best.length, CANDIDATES);
    least = best.at(-1)!.score;
  }
  return best;
};

const dot = (wanted: Float32Array, bytes: Uint8Array): number => {
  if (bytes.byteLength !== wanted.byteLength) throw new Error('The index has vectors of another length.');
  const value = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const found = new Float32Array(value.buffer, value.byteOffset, wanted.length);
  let sum = 0;
  for (let position = 0; position < wanted.length; position += 1) sum += wanted[position]! * found[position]!;
  return sum;
};

/** Scores of words and of vectors cannot be compared, places can. */
const fuse = (lists: readonly Ranked[][]): Ranked[] => {
  const scores = new Map<number, number>();
  for (const list of lists)
    for (const [place, { id }] of list.entries()) scores.set(id, (scores.get(id) ?? 0) + 1 / (RANK_OFFSET + place + 1));
  return [...scores].map(([id, score]) => ({ id, score })).toSorted((a, b) => b.score - a.score || a.id - b.id);
};
