import { InfluencerAIError } from '../core/errors.js';

/** Template tag for paths: every part is escaped, so that an id cannot lead elsewhere. */
export function path(texts: TemplateStringsArray, ...parts: string[]): string {
  return texts.reduce((result, text, index) => result + escape(parts[index - 1] ?? '') + text);
}

function escape(part: string): string {
  if (part === '' || part === '.' || part === '..') {
    throw new InfluencerAIError(`"${part}" cannot be part of a path. Is an id missing?`);
  }
  return encodeURIComponent(part);
}
