import type { JobPreview, TrainerId } from '@influencerai/shared';

/** What `POST /jobs/preview` answered when it was asked to plan for one trainer. */
export interface Answer {
  trainer: TrainerId;
  status: number;
  body: JobPreview;
  problem: { code?: string | undefined; message?: string | undefined };
}

/** One line per trainer that plans the configuration. */
export const countsTable = (answers: readonly Answer[]): string =>
  markdownTable(
    ['trainer', 'exact', 'approximated', 'dropped', 'steps', 'workspace'],
    answers.map(({ trainer, body: { summary, epochs, steps, diskBytes } }) => [
      code(trainer),
      ...[summary.exact, summary.approximated, summary.dropped].map(String),
      `${epochs} × ${steps.perEpoch}`,
      bytes(diskBytes),
    ]),
  );

/** One line per field that a trainer does not carry over exactly. */
export const mappingTable = (answers: readonly Answer[]): string =>
  markdownTable(
    ['trainer', 'field', 'how', 'to', 'reason'],
    answers.flatMap(({ trainer, body }) =>
      body.mapping
        .filter(({ how }) => how !== 'exact')
        .map(({ field, how, to, reason }) => [code(trainer), code(field), how, to ? code(to) : '', reason ?? '']),
    ),
  );

/** One line per refusal. */
export const refusalsTable = (refusals: readonly { asked: string; answer: Answer }[]): string =>
  markdownTable(
    ['trainer', 'asked for', 'status', 'answer'],
    refusals.map(({ asked, answer: { trainer, status, problem } }) => [
      code(trainer),
      asked,
      `${status} ${code(problem.code ?? '')}`,
      problem.message ?? '',
    ]),
  );

/** As Prettier writes it, so that the document keeps its form. */
const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const cells = rows.map((row) => row.map((text) => text.replaceAll('|', '\\|')));
  const widths = head.map((name, column) =>
    Math.max(...[name, ...cells.map((row) => row[column]!)].map(({ length }) => length)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => text.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n');
};

const code = (text: string): string => `\`${text}\``;

const bytes = (count: number): string =>
  count < 1e9 ? `${Math.round(count / 1e6)} MB` : `${(count / 1e9).toFixed(1)} GB`;
