type Row = Record<string, unknown>;

const GAP = '  ';

/** An answer for people: lists as a table, one thing as lines, a key by itself below. */
export function render(answer: unknown): string {
  if (Array.isArray(answer)) return renderTable(answer as Row[]);
  const { key, ...rest } = answer as Row;
  const width = Math.max(0, ...Object.keys(rest).map((name) => name.length));
  const lines = Object.entries(rest).map(([name, value]) => `${name.padEnd(width)}${GAP}${toText(value)}`);
  if (key === undefined) return lines.join('\n');
  return [...lines, String(key), '', 'This is the only time that the key is shown.'].join('\n');
}

function renderTable(rows: readonly Row[]): string {
  const [first] = rows;
  if (!first) return 'There are none.';
  const columns = Object.keys(first).map((name) => {
    const cells = [name, ...rows.map((row) => toText(row[name]))];
    const width = Math.max(...cells.map((cell) => cell.length));
    return cells.map((cell) => cell.padEnd(width));
  });
  const lines = [first, ...rows].map((_, line) => columns.map((cells) => cells[line] ?? '').join(GAP));
  return lines.map((line) => line.trimEnd()).join('\n');
}

const toText = (value: unknown): string =>
  value === null || value === undefined ? '-' : Array.isArray(value) ? value.join(',') : String(value);
