import { CsvReader } from './csv-reader.js';
import { readLines } from './read-lines.js';

/** Where rows and what is wrong with them are reported to while a file is read. */
export interface RowSink {
  row(): void;
  column(name: string): void;
  problem(reason: string): void;
}

type RowReader = (chunks: AsyncIterable<Buffer>, sink: RowSink) => Promise<void>;

/** One JSON object per line. */
const readJsonLines: RowReader = async (chunks, sink) => {
  for await (const { number, text = '', problem } of readLines(chunks)) {
    if (problem) sink.problem(`Line ${number} ${problem}.`);
    else if (text.trim() !== '') readJsonLine(text, number, sink);
  }
};

function readJsonLine(text: string, number: number, sink: RowSink): void {
  const row = parse(text);
  if (row === undefined) return sink.problem(`Line ${number} is not valid JSON.`);
  if (typeof row !== 'object' || row === null || Array.isArray(row))
    return sink.problem(`Line ${number} is not a JSON object.`);
  sink.row();
  Object.keys(row).forEach((name) => sink.column(name));
}

/** `undefined` for what is not JSON, which JSON itself cannot say. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A header, then records of as many fields. */
const readCsv: RowReader = async (chunks, sink) => {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let columns = 0;
  const reader = new CsvReader(({ line, fieldCount, isBlank }) => {
    if (isBlank) return;
    if (columns === 0) columns = fieldCount;
    else if (fieldCount === columns) sink.row();
    else sink.problem(`Line ${line} has ${fieldCount} fields, the header has ${columns}.`);
  });
  for await (const chunk of chunks) reader.push(decoder.decode(chunk, { stream: true }));
  reader.push(decoder.decode());
  reader.end();
  reader.header.forEach((name) => sink.column(name));
};

/** Every line that is not blank is a row. */
const readPlainLines: RowReader = async (chunks, sink) => {
  sink.column('text');
  for await (const { number, text = '', problem } of readLines(chunks)) {
    if (problem) sink.problem(`Line ${number} ${problem}.`);
    else if (text.trim() !== '') sink.row();
  }
};

/** How to read rows, by file extension. */
export const ROW_READERS: Record<string, RowReader> = {
  '.jsonl': readJsonLines,
  '.csv': readCsv,
  '.txt': readPlainLines,
};
