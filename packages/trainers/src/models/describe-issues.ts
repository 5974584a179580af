import { isMap, isNode, isScalar, type Document, type LineCounter } from 'yaml';
import type { z } from 'zod';
import { ModelEntrySchema } from './model-entry.js';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** What is wrong with a registry, one line each, in words that lead to the place in the file. */
export const describeIssues = (document: Document, lines: LineCounter, issues: readonly Issue[]): string =>
  issues
    .map((issue) => {
      const place = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path;
      const line = lineOf(document, lines, place);
      return `  ${line === undefined ? '' : `line ${line}, `}${issue.path.join('.') || 'the file'}: ${wording(document, issue)}`;
    })
    .join('\n');

const wording = (document: Document, issue: Issue): string => {
  if (issue.code !== 'unrecognized_keys') return issue.message;
  const allowed = allowedKeys(document, issue.path);
  return `unknown key ${issue.keys.join(', ')}${allowed ? `; allowed: ${allowed.join(', ')}` : ''}`;
};

const allowedKeys = (document: Document, path: Path): string[] | undefined => {
  if (path.length === 0) return ['models'];
  const trainer = document.getIn([...path, 'trainer']);
  const entry = ModelEntrySchema.options.find(({ shape }) => shape.trainer.value === trainer);
  return entry && Object.keys(entry.shape);
};

/** Where a key stands; for one that is missing, where the mapping begins that lacks it. */
const lineOf = (document: Document, lines: LineCounter, path: Path): number | undefined => {
  const [last, parent] = [path.at(-1), path.slice(0, -1)];
  const holder = parent.length === 0 ? document.contents : document.getIn(parent, true);
  const pair = isMap(holder) ? holder.items.find(({ key }) => isScalar(key) && key.value === last) : undefined;
  const node = pair ? pair.key : holder;
  if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  return path.length > 0 ? lineOf(document, lines, parent) : undefined;
};
