import { readFileSync } from 'node:fs';
import { inRepo } from './built.ts';

/** A fenced block of a document that stands right below `<!-- test: name -->`. */
export interface Example {
  name: string;
  language: string;
  code: string;
}

const MARKED_BLOCK = /^<!-- test: ([\w-]+) -->\n+(`{3,})(\w*)\n([\s\S]*?)^\2$/gm;

/**
 * The marked examples of a Markdown text by name.
 * @throws Error when two have the same name or a marker has no block
 */
export function extractExamples(markdown: string): Map<string, Example> {
  const examples = new Map<string, Example>();
  for (const [, name = '', , language = '', code = ''] of markdown.matchAll(MARKED_BLOCK)) {
    if (examples.has(name)) throw new Error(`Two examples are named ${name}.`);
    examples.set(name, { name, language, code });
  }
  const markers = markdown.match(/^<!-- test: /gm)?.length ?? 0;
  if (markers !== examples.size) throw new Error('A marker is not followed by a fenced block.');
  return examples;
}

/** The marked examples of a file of this checkout, such as `README.md`. */
export const examplesOf = (file: string): Map<string, Example> => extractExamples(readFileSync(inRepo(file), 'utf8'));
