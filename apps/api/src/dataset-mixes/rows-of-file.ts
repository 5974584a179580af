import { extname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parse as parseCsv } from 'csv-parse';
import { readLines } from '../datasets/inspection/read-lines.js';

export type Row = Record<string, unknown>;

const MAX_RECORD_BYTES = 1024 * 1024;

type RowReader = (content: Readable) => AsyncGenerator<Row>;

const readJsonLines: RowReader = async function* (content) {
  for await (const { text = '' } of readLines(content)) {
    const row = parseJson(text);
    if (typeof row === 'object' && row !== null && !Array.isArray(row)) yield row as Row;
  }
};

/** Records with as many fields as the header. */
const readCsv: RowReader = async function* (content) {
  const records = parseCsv({
    bom: true,
    relaxColumnCount: true,
    relaxQuotes: true,
    skipEmptyLines: true,
    maxRecordSize: MAX_RECORD_BYTES,
  });
  // What goes wrong in the file ends the records with the same error.
  pipeline(content, records).catch(() => undefined);
  let header: string[] | undefined;
  for await (const record of records as AsyncIterable<string[]>) {
    if (!header) header = record.map((name) => name.trim());
    else if (record.length === header.length)
      yield Object.fromEntries(header.map((name, index) => [name, record[index]]));
  }
};

const readPlainLines: RowReader = async function* (content) {
  for await (const { text = '' } of readLines(content)) {
    if (text.trim() !== '') yield { text: text.replace(/\r$/, '') };
  }
};

const READERS: Record<string, RowReader> = { '.jsonl': readJsonLines, '.csv': readCsv, '.txt': readPlainLines };

/** The rows of a file as objects, one at a time, those left out that an inspection finds fault with. */
export const rowsOfFile = (name: string, content: Readable): AsyncGenerator<Row> =>
  (READERS[extname(name).toLowerCase()] ?? readPlainLines)(content);

/** `undefined` for what is not JSON, which JSON itself cannot say. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
