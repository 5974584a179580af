const MAX_ELEMENT_LENGTH = 1024 * 1024;

/** One element of a JSON array, as it stands there. */
export interface ArrayElement {
  /** Where it begins. */
  line: number;
  text: string;
}

/** What a file holds in place of a JSON array. */
export class NotAnArray extends Error {}

/**
 * The elements of a JSON array, one at a time, however long the array is. Only finds where they end: whether what stands
 * between is JSON shows when it is parsed.
 * @throws NotAnArray that names the line, TypeError where the text is not UTF-8
 */
export async function* readArray(chunks: AsyncIterable<Buffer>): AsyncGenerator<ArrayElement> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const splitter = new ArraySplitter();
  for await (const chunk of chunks) yield* splitter.push(decoder.decode(chunk, { stream: true }));
  yield* splitter.push(decoder.decode());
  splitter.end();
}

type State = 'before' | 'first' | 'next' | 'element' | 'after';

class ArraySplitter {
  private state: State = 'before';
  private depth = 0;
  private isQuoted = false;
  private isEscaped = false;
  private line = 1;
  private startLine = 1;
  private parts = '';

  *push(text: string): Generator<ArrayElement> {
    let from = 0;
    for (let at = 0; at < text.length; at += 1) {
      const char = text.charCodeAt(at);
      if (char === LINE_FEED) this.line += 1;
      if (this.state !== 'element') {
        if (!this.isElement(char)) continue;
        this.begin();
        from = at;
      }
      if (!this.endsElement(char)) continue;
      yield this.take(text.slice(from, at));
      this.state = char === COMMA ? 'next' : 'after';
    }
    if (this.state === 'element') this.keep(text.slice(from));
  }

  end(): void {
    if (this.state !== 'after') throw this.problem(this.state === 'before' ? NO_ARRAY : 'the array does not end');
  }

  /** Takes what stands outside of elements. @returns whether an element begins */
  private isElement(char: number): boolean {
    if (isSpace(char)) return false;
    if (this.state === 'after') throw this.problem('something stands behind the array');
    if (this.state === 'before') {
      if (char !== OPEN_LIST) throw this.problem(NO_ARRAY);
      this.state = 'first';
      return false;
    }
    if (char === CLOSE_LIST && this.state === 'first') {
      this.state = 'after';
      return false;
    }
    return true;
  }

  private begin(): void {
    this.state = 'element';
    this.startLine = this.line;
    this.parts = '';
  }

  /** Whether the element has ended before this character: at a comma, or at the end of the array. */
  private endsElement(char: number): boolean {
    if (this.isQuoted) {
      if (this.isEscaped) this.isEscaped = false;
      else if (char === BACKSLASH) this.isEscaped = true;
      else if (char === QUOTE) this.isQuoted = false;
      return false;
    }
    if (char === QUOTE) this.isQuoted = true;
    if (this.depth === 0) {
      if (char === COMMA || char === CLOSE_LIST) return true;
      if (char === CLOSE_OBJECT) throw this.problem('a brace closes that was never opened');
    }
    if (char === OPEN_LIST || char === OPEN_OBJECT) this.depth += 1;
    if (char === CLOSE_LIST || char === CLOSE_OBJECT) this.depth -= 1;
    return false;
  }

  private take(rest: string): ArrayElement {
    this.keep(rest);
    return { line: this.startLine, text: this.parts };
  }

  private keep(text: string): void {
    this.parts += text;
    if (this.parts.length > MAX_ELEMENT_LENGTH)
      throw new NotAnArray(`Line ${this.startLine}: the element that begins here is longer than 1 MiB.`);
  }

  private problem(reason: string): NotAnArray {
    return new NotAnArray(`Line ${this.line}: ${reason}.`);
  }
}

const NO_ARRAY = 'a JSON file of rows must be an array of objects';

const isSpace = (char: number): boolean => char === 32 || char === LINE_FEED || char === 13 || char === 9;
const LINE_FEED = 10;
const QUOTE = 34;
const COMMA = 44;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
