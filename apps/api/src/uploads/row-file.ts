import { extname } from 'node:path';
import { PassThrough } from 'node:stream';
import { type AppError, fieldError } from '@influencerai/shared';
import { codeOf } from '../http/error-code.js';
import { NotAnArray, readArray } from '../datasets/inspection/read-array.js';
import { ROW_READERS } from '../datasets/inspection/read-rows.js';

const MAX_COLUMNS = 100;
const MAX_COLUMN_NAME = 100;
const MEGABYTE = 1024 * 1024;
const BATCH_LENGTH = 64 * 1024;

export const ROW_FILE_TYPES = ['csv', 'json', 'jsonl'] as const;
export type RowFileType = (typeof ROW_FILE_TYPES)[number];

/** A file of rows on its way into storage. */
export interface RowFile {
  type: RowFileType;
  /** Under which it is kept: what comes as an array is kept as lines. */
  name: string;
  /** Can be read once. Ends with the first thing that is wrong with the rows, as an error that names the line. */
  content: AsyncIterable<Buffer>;
  /** What has come so far. */
  sizeBytes(): number;
}

/**
 * Takes one file of rows, which must be what its ending says: each row is looked at while it passes, and none is kept.
 * @throws AppError `validation_failed` for another ending, and while the content is read
 */
export function takeRowFile(fileName: string, given: AsyncIterable<Buffer>): RowFile {
  const type = ROW_FILE_TYPES.find((known) => extname(fileName).toLowerCase() === `.${known}`);
  if (!type) throw refused(`${JSON.stringify(fileName)} is no file of rows: .csv, .json and .jsonl are taken.`);
  let sizeBytes = 0;
  async function* counted() {
    for await (const chunk of given) {
      sizeBytes += chunk.length;
      yield chunk;
    }
  }
  const name = type === 'json' ? `${fileName.slice(0, -extname(fileName).length)}.jsonl` : fileName;
  const lines = type === 'json' ? toLines(counted()) : counted();
  return { type, name, content: checked(`.${type === 'csv' ? 'csv' : 'jsonl'}`, lines), sizeBytes: () => sizeBytes };
}

/** The same bytes, up to the first row that is not as it should be. */
async function* checked(ending: string, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const copy = new PassThrough({ highWaterMark: MEGABYTE });
  // Nobody reads on where the check has ended; what is written then is lost on purpose.
  copy.on('error', () => undefined);
  let failure: Error | undefined;
  const checking = check(ending, copy).catch((error: unknown) => (failure = toRefusal(error)));
  try {
    for await (const chunk of content) {
      if (!copy.write(chunk)) await Promise.race([new Promise((resolve) => copy.once('drain', resolve)), checking]);
      if (failure) throw failure;
      yield chunk;
    }
    copy.end();
    await checking;
    if (failure) throw failure;
  } finally {
    copy.destroy();
  }
}

async function check(ending: string, content: AsyncIterable<Buffer>): Promise<void> {
  const columns = new Set<string>();
  let rows = 0;
  await ROW_READERS[ending]?.(content, {
    row: () => void (rows += 1),
    problem: (reason) => {
      throw refused(reason);
    },
    column: (name) => {
      if (ending === '.csv' && columns.has(name)) throw refused(`Line 1 names the column ${quote(name)} twice.`);
      if (name.length > MAX_COLUMN_NAME)
        throw refused(`The name of the column ${quote(name)} is longer than ${MAX_COLUMN_NAME} characters.`);
      if (columns.add(name).size > MAX_COLUMNS) throw refused(`It has more than ${MAX_COLUMNS} columns.`);
    },
  });
  if (rows === 0) throw refused('It holds no row.');
}

/** The objects of a JSON array as JSON lines, each as it was written but for its line ends. */
async function* toLines(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let lines = '';
  try {
    for await (const { line, text } of readArray(content)) {
      if (!isJson(text)) throw refused(`Line ${line} is not valid JSON.`);
      // A string of JSON holds no line end as such.
      lines += `${text.replaceAll(/[\r\n]+/g, ' ').trim()}\n`;
      if (!/^\s*\{/.test(text)) throw refused(`Line ${line} is not a JSON object.`);
      if (lines.length < BATCH_LENGTH) continue;
      yield Buffer.from(lines);
      lines = '';
    }
  } catch (error) {
    throw error instanceof NotAnArray || isEncoding(error) ? toRefusal(error) : error;
  }
  yield Buffer.from(lines);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const quote = (name: string): string => JSON.stringify(name.slice(0, 50).toWellFormed());

const refused = (reason: string): AppError => fieldError(['file'], reason);

const isEncoding = (error: unknown): boolean => codeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA';

/** What readers find fault with in a file they say with a plain error. */
const toRefusal = (error: unknown): Error => {
  if (isEncoding(error)) return refused('It is not text in UTF-8.');
  if (error instanceof NotAnArray) return refused(error.message);
  const { constructor, message } = error as Error;
  return constructor === Error ? refused(`It cannot be read: ${message}.`) : (error as Error);
};
