import { isAbsolute } from 'node:path/posix';
import { ARCHS, UNSUITED_ARCHS } from '../ai-toolkit/archs.js';
import { FAMILIES } from '../kohya/families.js';
import type { ModelEntry } from './model-entry.js';

/** Why no job could be planned with an entry of `models.yaml`, in words for the operator; files are not looked at. */
export const entryProblems = (entry: ModelEntry): string[] => {
  if (entry.trainer === 'ai-toolkit') return archProblems(entry.arch);
  if (entry.trainer !== 'kohya') return [];
  const { required, takesHubId } = FAMILIES[entry.family];
  const lacking = Object.keys(required).filter((key) => entry[key as keyof typeof entry] === undefined);
  return [
    ...(lacking.length > 0 ? [`the family ${entry.family} needs ${lacking.join(', ')}`] : []),
    ...(takesHubId || isAbsolute(entry.model) ? [] : [`the family ${entry.family} needs a local file as model`]),
  ];
};

const archProblems = (arch: string): string[] => {
  if (Object.hasOwn(ARCHS, arch)) return [];
  if (Object.hasOwn(UNSUITED_ARCHS, arch)) return [`the arch ${arch} is not trained here: ${UNSUITED_ARCHS[arch]}`];
  return [`ai-toolkit has no arch ${arch}: ${Object.keys(ARCHS).join(', ')}`];
};
