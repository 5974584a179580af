/** Longer lines are cut; a log line may hold 16,384 characters. */
export const MAX_LINE_LENGTH = 16_000;

export interface Line {
  text: string;
  /** The line ended with a carriage return: a progress bar that the next line overwrites. */
  isTransient: boolean;
}

/** Cuts a byte stream into lines at `\n`, `\r\n` and `\r`, with bounded memory and whole UTF-8 characters. */
export class LineSplitter {
  readonly #decoder = new TextDecoder();
  #pending = '';
  #cut = 0;

  constructor(private readonly onLine: (line: Line) => void) {}

  push(chunk: Uint8Array): void {
    this.#take(this.#decoder.decode(chunk, { stream: true }));
  }

  /** The stream ended: what stands without a line end is a line too. */
  end(): void {
    this.#take(this.#decoder.decode());
    const text = this.#pending.endsWith('\r') ? this.#pending.slice(0, -1) : this.#pending;
    this.#pending = '';
    if (text !== '' || this.#cut > 0) this.#emit(text, false);
  }

  #take(text: string): void {
    const input = this.#pending + text;
    let start = 0;
    for (const match of input.matchAll(/\r\n|\n|\r(?!$)/g)) {
      this.#emit(input.slice(start, match.index), match[0] === '\r');
      start = match.index + match[0].length;
    }
    this.#pending = this.#bounded(input.slice(start));
  }

  #bounded(rest: string): string {
    if (rest.length <= MAX_LINE_LENGTH) return rest;
    // A final \r must stay: only the next chunk tells whether it belongs to \r\n.
    const tail = rest.endsWith('\r') ? '\r' : '';
    this.#cut += rest.length - MAX_LINE_LENGTH - tail.length;
    return rest.slice(0, MAX_LINE_LENGTH) + tail;
  }

  #emit(text: string, isTransient: boolean): void {
    const over = Math.max(0, text.length - MAX_LINE_LENGTH) + this.#cut;
    this.#cut = 0;
    this.onLine({ text: over > 0 ? `${text.slice(0, MAX_LINE_LENGTH)} … ${over} more characters` : text, isTransient });
  }
}
