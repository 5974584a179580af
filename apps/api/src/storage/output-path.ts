import { AppError, fieldError, type FieldIssue } from '@influencerai/shared';
import type { Storage } from './storage.js';
import type { TenantPath } from './tenant-roots.js';

/**
 * What is wrong with a folder for results, or undefined. They must not land among pictures to learn from, nor where the
 * samples of a job with the folder above lie.
 */
export function problemOfOutputPath(outputPath: string): string | undefined {
  const parts = outputPath.split('/').filter((part) => part !== '' && part !== '.');
  if (parts[1] === 'datasets') return 'Must not be below "data/datasets/", where datasets lie.';
  if (parts.at(-1) === 'samples')
    return 'Must not end in "samples": sample pictures of other jobs lie in folders of that name.';
  return undefined;
}

/**
 * Looks whether results may lie at a path, which need not exist yet.
 * @param field what names the path in the request
 * @throws AppError `validation_failed`
 */
export async function assertOutputPath(
  storage: Storage,
  { tenantId, path }: TenantPath,
  field: FieldIssue['path'],
): Promise<void> {
  const problem = problemOfOutputPath(path);
  if (problem) throw fieldError(field, problem);
  try {
    await storage.assertWritable({ tenantId, path });
  } catch (error) {
    throw error instanceof AppError ? inField(field, error) : error;
  }
}

const inField = (field: FieldIssue['path'], { code, details }: AppError): AppError =>
  new AppError(code, { ...details, issues: details.issues?.map(({ message }) => ({ path: field, message })) });
