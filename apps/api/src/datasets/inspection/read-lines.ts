const LINE_FEED = 10;
const MAX_LINE_BYTES = 1024 * 1024;

/** A line of a text file; without `text` when it is longer than 1 MiB or not valid UTF-8. */
export interface Line {
  number: number;
  text?: string;
  problem?: string;
}

/** The lines of a byte stream, one at a time, however long the file is. */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let number = 0;
  let parts: Buffer[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      yield toLine([...parts, chunk.subarray(start, end)], ++number);
      parts = [];
      start = end + 1;
    }
    parts = keep(parts, chunk.subarray(start));
  }
  if (parts.length > 0) yield toLine(parts, number + 1);
}

/** Bytes beyond the limit are let go: they only have to show that the line is too long. */
function keep(parts: Buffer[], part: Buffer): Buffer[] {
  if (part.length === 0 || byteLength(parts) > MAX_LINE_BYTES) return parts;
  return [...parts, Buffer.from(part)];
}

function toLine(parts: Buffer[], number: number): Line {
  if (byteLength(parts) > MAX_LINE_BYTES) return { number, problem: 'is longer than 1 MiB' };
  try {
    return { number, text: new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts)) };
  } catch {
    return { number, problem: 'is not valid UTF-8' };
  }
}

const byteLength = (parts: readonly Buffer[]): number => parts.reduce((sum, part) => sum + part.length, 0);
