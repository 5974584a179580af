import { AppError } from '@influencerai/shared';
import { z } from 'zod';
import { plainText, type TextRow } from './text-row.js';

type Row = Record<string, unknown>;

const MessagesSchema = z.array(z.object({ role: z.string(), content: z.string() })).min(1);

/** The examples of one file, those that say nothing left out. */
export const readRows = (extension: string, content: string): TextRow[] =>
  rowsOf(extension, content.replace(/^\uFEFF/, '')).filter((row) => plainText(row).trim() !== '');

const rowsOf = (extension: string, text: string): TextRow[] => {
  if (extension === '.jsonl') return readJsonLines(text);
  if (extension === '.csv') return readCsv(text);
  return linesOf(text).map((line) => ({ text: line }));
};

const readJsonLines = (content: string): TextRow[] =>
  linesOf(content).map((line, index) => {
    const row = parseRow(line);
    const example = typeof row === 'string' ? { text: row } : row && exampleOf(row);
    if (!example)
      throw unreadable(
        `Row ${index + 1} has none of text, prompt and completion, messages, instruction and output, or input and output.`,
      );
    return example;
  });

const readCsv = (content: string): TextRow[] => {
  const [header, ...records] = parseCsv(content);
  if (!header) return [];
  return records.map((record, index) => {
    const example = exampleOf(Object.fromEntries(header.map((name, column) => [name.trim(), record[column] ?? ''])));
    if (!example)
      throw unreadable(
        `Row ${index + 1} has none of the columns text, prompt and completion, instruction and output, or input and output.`,
      );
    return example;
  });
};

/** One row in any of the usual shapes. An instruction with its input is a prompt, the output its completion. */
const exampleOf = (row: Row): TextRow | undefined => {
  const { text, prompt, completion, instruction, input, output } = row;
  if (typeof text === 'string') return { text };
  if (typeof prompt === 'string' && typeof completion === 'string') return { prompt, completion };
  const messages = MessagesSchema.safeParse(row['messages']);
  if (messages.success) return { messages: messages.data };
  if (typeof output !== 'string') return undefined;
  if (typeof instruction !== 'string')
    return typeof input === 'string' ? { prompt: `${input}\n`, completion: output } : undefined;
  const asked = [instruction, typeof input === 'string' ? input : ''].filter((part) => part !== '');
  return { prompt: `${asked.join('\n')}\n`, completion: output };
};

/** Records of a CSV file (RFC 4180): quoted fields may hold commas, line ends and doubled quotes. */
export const parseCsv = (content: string): string[][] => {
  const records: string[][] = [];
  let record: string[] = [];
  for (const [, quoted, plain, end] of content.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    record.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (end === ',') continue;
    if (record.length > 1 || record[0] !== '') records.push(record);
    record = [];
  }
  return records;
};

const parseRow = (line: string): Row | string | undefined => {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'string' || (typeof value === 'object' && value !== null)
      ? (value as Row | string)
      : undefined;
  } catch {
    // The caller names the row.
    return undefined;
  }
};

const linesOf = (content: string): string[] => content.split(/\r?\n/).filter((line) => line.trim() !== '');

const unreadable = (reason: string): AppError => new AppError('dataset_unreadable', { reason });
