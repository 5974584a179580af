const MAX_FIELD_LENGTH = 1024 * 1024;

/** One record of a CSV file (RFC 4180), without its values. */
export interface CsvRecord {
  /** Where it starts; a quoted field may hold more lines. */
  line: number;
  fieldCount: number;
  isBlank: boolean;
}

type State = 'field start' | 'plain' | 'quoted' | 'quote in quoted';

/**
 * Reads CSV piece by piece: `push` text as it comes, then `end`. Keeps the values of the first record only.
 * Quotes inside a plain field are taken as they are, as spreadsheets do.
 */
export class CsvReader {
  /** The values of the first record. */
  readonly header: string[] = [];
  private state: State = 'field start';
  private field = '';
  private length = 0;
  private fieldCount = 0;
  private line = 1;
  private startLine = 1;
  private isFirst = true;

  constructor(private readonly onRecord: (record: CsvRecord) => void) {}

  /** @throws Error when the text cannot be CSV */
  push(text: string): void {
    for (let at = 0; at < text.length; at += 1) {
      const special = this.findSpecial(text, at);
      if (special > at) this.takePlain(text.slice(at, special));
      if (special < text.length) this.takeSpecial(text.charAt(special));
      at = special;
    }
  }

  /** @throws Error when a quote is still open */
  end(): void {
    if (this.state === 'quoted') {
      throw new Error(`the quote that opens in the record of line ${this.startLine} is never closed`);
    }
    if (this.state !== 'field start' || this.fieldCount > 0) this.endRecord();
  }

  /** The next character that may change the state; most are none and are taken in one piece. */
  private findSpecial(text: string, from: number): number {
    const pattern = this.state === 'quoted' ? /["\n]/g : /[",\r\n]/g;
    pattern.lastIndex = from;
    return pattern.exec(text)?.index ?? text.length;
  }

  private takePlain(text: string): void {
    if (this.state === 'quote in quoted') throw new Error(`line ${this.line} has text after a closing quote`);
    if (this.state === 'field start') this.state = 'plain';
    this.keep(text);
  }

  private takeSpecial(char: string): void {
    if (char === '\n') this.line += 1;
    if (this.state === 'quoted') return char === '"' ? void (this.state = 'quote in quoted') : this.keep(char);
    if (char === ',') return this.endField();
    if (char === '\n') return this.endRecord();
    if (char === '\r') return;
    if (this.state === 'plain') return this.keep(char);
    if (this.state === 'quote in quoted') this.keep(char);
    this.state = 'quoted';
  }

  private keep(text: string): void {
    this.length += text.length;
    if (this.length > MAX_FIELD_LENGTH) {
      throw new Error(`the record of line ${this.startLine} has a field of more than 1 MiB (is a quote missing?)`);
    }
    if (this.isFirst) this.field += text;
  }

  private endField(): void {
    if (this.isFirst) this.header.push(this.field);
    this.fieldCount += 1;
    this.field = '';
    this.length = 0;
    this.state = 'field start';
  }

  private endRecord(): void {
    const isBlank = this.fieldCount === 0 && this.state === 'field start';
    if (!isBlank) {
      this.endField();
      this.isFirst = false;
    }
    this.onRecord({ line: this.startLine, fieldCount: this.fieldCount, isBlank });
    this.fieldCount = 0;
    this.startLine = this.line;
  }
}
