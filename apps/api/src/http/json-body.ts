import { isUtf8 } from 'node:buffer';
import { AppError, type FieldIssue } from '@influencerai/shared';
import type { FastifyInstance, FastifyRequest } from 'fastify';

type ParsedBody = (error: Error | null, body?: unknown) => void;

/**
 * Takes JSON bodies: UTF-8 alone, no name twice within one object, nothing that could reach a prototype. What a gateway
 * in front has read is then what is read here, whichever of two equal names it would have taken.
 */
export function acceptJson(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
    // Clients that always name a content type send it with empty bodies, too.
    if (bytes.length === 0) return done(null, undefined);
    if (!isUtf8(bytes)) return done(new AppError('body_malformed'));
    const text = bytes.toString();
    // The parser calls back and returns nothing.
    void parse(request as FastifyRequest, text, withoutRepeatedNames(text, done));
  });
}

const withoutRepeatedNames =
  (text: string, done: ParsedBody): ParsedBody =>
  (error, body) => {
    const repeated = error ? undefined : findRepeatedName(text);
    if (!repeated) return done(error, body);
    const issues = [{ path: repeated, message: 'Must not be given twice.' }];
    done(new AppError('validation_failed', { part: 'body', issues }));
  };

interface OpenContainer {
  /** Undefined in a list. */
  names: Set<string> | undefined;
  at: string | number;
}

/**
 * Where an object of a JSON text has the same name twice. The text must be well-formed; its depth does not matter.
 * @returns the path of the second one
 */
export function findRepeatedName(text: string): FieldIssue['path'] | undefined {
  const open: OpenContainer[] = [];
  for (let i = 0; i < text.length; i += 1) {
    const inner = open.at(-1);
    switch (text.charCodeAt(i)) {
      case OPEN_OBJECT:
        open.push({ names: new Set(), at: '' });
        break;
      case OPEN_LIST:
        open.push({ names: undefined, at: 0 });
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        open.pop();
        break;
      case COMMA:
        if (inner && typeof inner.at === 'number') inner.at += 1;
        break;
      case QUOTE: {
        const start = i;
        i = endOfString(text, start);
        if (!inner?.names || !isName(text, i + 1)) break;
        const name = nameOf(text.slice(start, i + 1));
        inner.at = name;
        if (inner.names.has(name)) return open.map(({ at }) => at);
        inner.names.add(name);
      }
    }
  }
  return undefined;
}

/** Index of the closing quote. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i;
    if (code === BACKSLASH) i += 1;
  }
  return text.length;
}

/** Within an object, a string is a name when a colon follows. */
function isName(text: string, after: number): boolean {
  let i = after;
  while (text.charCodeAt(i) <= SPACE) i += 1;
  return text.charCodeAt(i) === COLON;
}

/** Two spellings of one name are one name. */
const nameOf = (quoted: string): string =>
  quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const SPACE = 0x20;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
