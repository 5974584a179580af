import { Readable } from 'node:stream';
import type { Dataset } from '@influencerai/shared';
import type { FormPart } from '../http/multipart.js';

/** Rows of text that are to become a dataset. */
export interface Rows {
  name: string | undefined;
  meta: Dataset['meta'];
  /** Read once, as they are stored. */
  rows: AsyncIterable<object> | Iterable<object>;
}

/** What a client would upload who had the rows. */
export const toRowsForm = (rows: Rows): AsyncIterable<FormPart> => Readable.from(form(rows));

function* form({ name, meta, rows }: Rows): Generator<FormPart> {
  yield { type: 'field', name: 'kind', value: 'fine-tuning' };
  if (name !== undefined) yield { type: 'field', name: 'name', value: name };
  yield { type: 'field', name: 'meta', value: JSON.stringify(meta) };
  const content = Readable.from(toLines(rows), { objectMode: false });
  yield { type: 'file', name: 'files', fileName: 'rows.jsonl', content };
}

async function* toLines(rows: Rows['rows']): AsyncGenerator<Buffer> {
  for await (const row of rows) yield Buffer.from(`${JSON.stringify(row)}\n`);
}
