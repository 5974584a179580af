import type { PlanPreview } from './plan-preview.js';

const MIB = 1024 ** 2;
/** Width of the words exact, approximated and dropped. */
const HOW = 'approximated'.length;

/** A plan as a table for people. */
export const renderPreview = (plan: PlanPreview): string =>
  [
    ...columns([
      ['trainer', plan.trainer],
      ['command', plan.command.join(' ')],
      ['steps', `${plan.steps.total}, ${plan.steps.perEpoch} an epoch`],
      ['disk', `${Math.ceil(plan.diskBytes / MIB)} MiB`],
      ['dataset', `${plan.examples} examples, ${plan.linkCount} links`],
      ...filesOf(plan),
      ...plan.notes.map((note): Row => ['note', note]),
    ]),
    '',
    ...mappingOf(plan),
    '',
  ].join('\n');

type Row = [what: string, state: string];

const columns = (rows: Row[]): string[] => {
  const width = Math.max(...rows.map(([what]) => what.length));
  return rows.map(([what, state]) => `${what.padEnd(width)}  ${state}`);
};

const filesOf = ({ files, fileCount }: PlanPreview): Row[] => [
  ...files.map(({ path, sizeBytes }, index): Row => [index === 0 ? 'files' : '', `${path} (${sizeBytes} bytes)`]),
  ...(fileCount > files.length ? [['', `… and ${fileCount - files.length} more`] as Row] : []),
];

const mappingOf = ({ mapping }: PlanPreview): string[] => {
  const width = Math.max(...mapping.map(({ field }) => field.length));
  return mapping.flatMap(({ field, how, to = '', reason }) => [
    `${how.padEnd(HOW)}  ${field.padEnd(width)}  ${to}`.trimEnd(),
    ...(reason ? [`${' '.repeat(HOW)}  ${' '.repeat(width)}  → ${reason}`] : []),
  ]);
};
