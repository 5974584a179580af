import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Chunk } from './chunks.js';
import { FORMAT } from './format.js';

// Words are stemmed as in English; accents do not count. The text stands in `chunk` alone.
const SCHEMA = `
  pragma journal_mode = off;
  pragma synchronous = off;
  create table meta (key text primary key, value text not null) without rowid;
  create table chunk (id integer primary key, row integer not null, text text not null);
  create table vector (id integer primary key, value blob not null);
  create virtual table words using fts5 (text, content = 'chunk', content_rowid = 'id',
    tokenize = "porter unicode61 remove_diacritics 2");
  begin;
`;

/** Writes an index under another name, and gives it its own when it is whole. Memory stays the same however long it grows. */
export class IndexWriter implements Disposable {
  readonly #database: DatabaseSync;
  readonly #partial: string;
  readonly #addChunk: StatementSync;
  readonly #addWords: StatementSync;
  readonly #addVector: StatementSync;
  #chunks = 0;

  constructor(private readonly file: string) {
    mkdirSync(dirname(file), { recursive: true });
    this.#partial = `${file}.partial`;
    rmSync(this.#partial, { force: true });
    this.#database = new DatabaseSync(this.#partial);
    this.#database.exec(SCHEMA);
    this.#addChunk = this.#database.prepare('insert into chunk (id, row, text) values (?, ?, ?)');
    this.#addWords = this.#database.prepare('insert into words (rowid, text) values (?, ?)');
    this.#addVector = this.#database.prepare('insert into vector (id, value) values (?, ?)');
  }

  get chunks(): number {
    return this.#chunks;
  }

  add({ row, text }: Chunk, vector: Float32Array | undefined): void {
    const id = (this.#chunks += 1);
    this.#addChunk.run(id, row, text);
    this.#addWords.run(id, text);
    if (vector) this.#addVector.run(id, new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
  }

  finish(metadata: Record<string, string>): void {
    const add = this.#database.prepare('insert into meta (key, value) values (?, ?)');
    for (const [key, value] of Object.entries({ ...metadata, format: FORMAT })) add.run(key, value);
    this.#database.exec("insert into words (words) values ('optimize'); commit");
    this.#database.close();
    renameSync(this.#partial, this.file);
  }

  /** Leaves nothing behind of an index that was not finished. */
  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
    rmSync(this.#partial, { force: true });
  }
}
