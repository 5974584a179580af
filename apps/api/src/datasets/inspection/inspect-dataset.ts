import type { DatasetKind } from '@influencerai/shared';
import { inspectPictures } from './inspect-pictures.js';
import { inspectText } from './inspect-text.js';
import type { Inspection, InspectionSource } from './inspection.js';
import { Problems } from './problems.js';

/** Opens every file of a dataset and says what it is worth. */
export function inspectDataset(kind: DatasetKind, source: InspectionSource): Promise<Inspection> {
  const problems = new Problems();
  const { skipped, isTruncated } = source.listing;
  for (const name of skipped) problems.warning(name, 'Ignored: a link or another thing that is not a plain file.');
  if (isTruncated) problems.error('', 'Too many files; only the first ones were looked at.');
  return kind === 'lora-training' ? inspectPictures(source, problems) : inspectText(source, problems);
}
