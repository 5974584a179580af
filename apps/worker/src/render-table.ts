export type TableRow = [what: string, state: string, problem?: string];

/** Lines for people: what is fine, and under what is not, what is wrong. */
export const table = (rows: readonly TableRow[]): string[] => {
  const width = Math.max(...rows.map(([what]) => what.length));
  return rows.flatMap(([what, state, problem]) => [
    `${problem ? '✗' : '✓'} ${what.padEnd(width)}  ${state}`.trimEnd(),
    ...(problem ? [`  ${' '.repeat(width)}  → ${problem}`] : []),
  ]);
};
