import { plainText, type TextRow } from '../text-row.js';

export type RowKind = 'text' | 'completion' | 'messages';

export interface TrlDataset {
  kind: RowKind;
  rows: TextRow[];
  /** Why rows look different from how they were given. */
  reason?: string;
}

/** TRL takes rows of one kind only (trl: docs/source/dataset_formats.md). */
export const unify = (rows: readonly TextRow[]): TrlDataset => {
  const kinds = new Set(rows.map(kindOf));
  if (kinds.size <= 1) return { kind: kindOf(rows[0] ?? { text: '' }), rows: rows.map(wellFormed) };
  const found = [...kinds].sort().join(', ');
  if (kinds.has('text')) {
    return {
      kind: 'text',
      rows: rows.map((row) => wellFormed({ text: plainText(row) })),
      reason: `The rows are of several kinds (${found}); all are learned as plain text, prompts included.`,
    };
  }
  return {
    kind: 'messages',
    rows: rows.map((row) => wellFormed(toMessages(row))),
    reason: `The rows are of several kinds (${found}); prompts and completions became messages of user and assistant.`,
  };
};

/** The file that TRL reads: one row a line. */
export const toJsonLines = (rows: readonly TextRow[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** What to continue when a job names no prompts: what the model saw first of some rows. */
export const beginnings = (rows: readonly TextRow[], count: number): string[] =>
  [...new Set(rows.map(beginningOf).filter((prompt) => prompt.trim() !== ''))].slice(0, count);

const WORDS = 3;
const PROMPT_CHARACTERS = 500;

const beginningOf = (row: TextRow): string => {
  if ('text' in row) return row.text.trim().split(/\s+/).slice(0, WORDS).join(' ');
  if ('prompt' in row) return row.prompt.slice(0, PROMPT_CHARACTERS);
  return (row.messages.find(({ role }) => role === 'user')?.content ?? '').slice(0, PROMPT_CHARACTERS);
};

const kindOf = (row: TextRow): RowKind => ('text' in row ? 'text' : 'messages' in row ? 'messages' : 'completion');

const toMessages = (row: TextRow): TextRow =>
  'prompt' in row
    ? {
        messages: [
          { role: 'user', content: row.prompt },
          { role: 'assistant', content: row.completion },
        ],
      }
    : row;

/** Half of a surrogate pair is legal in JavaScript and in no JSON file that others read. */
const wellFormed = (row: TextRow): TextRow => {
  if ('text' in row) return { text: row.text.toWellFormed() };
  if ('prompt' in row) return { prompt: row.prompt.toWellFormed(), completion: row.completion.toWellFormed() };
  return {
    messages: row.messages.map(({ role, content }) => ({
      role: role.toWellFormed(),
      content: content.toWellFormed(),
    })),
  };
};
