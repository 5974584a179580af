import { AppError, fieldError, type FieldIssue } from '@influencerai/shared';
import type { Storage } from '../storage/storage.js';
import type { TenantPath } from '../storage/tenant-roots.js';

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
    await storage.locate({ tenantId, path });
    // Whether results can lie in it: the path itself may be a file.
    await storage.locate({ tenantId, path: `${path.replace(/\/+$/, '')}/x` });
  } catch (error) {
    throw error instanceof AppError ? inField(field, error) : error;
  }
}

const inField = (field: FieldIssue['path'], { code, details }: AppError): AppError =>
  new AppError(code, { ...details, issues: details.issues?.map(({ message }) => ({ path: field, message })) });

/** Results must not land among pictures to learn from, nor where the samples of a job with the folder above lie. */
function problemOfOutputPath(outputPath: string): string | undefined {
  const parts = outputPath.split('/').filter((part) => part !== '' && part !== '.');
  if (parts[1] === 'datasets') return 'Must not be below "data/datasets/", where datasets lie.';
  if (parts.at(-1) === 'samples')
    return 'Must not end in "samples": sample pictures of other jobs lie in folders of that name.';
  return undefined;
}
