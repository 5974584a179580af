import { canonicalJson, type TrainingSpec } from '@influencerai/shared';
import { createHash } from 'node:crypto';

/**
 * sha256 of a frozen spec without `output.dir`, in hexadecimal: what is trained, not where the result is put, so that a
 * rerun has the digest of its source. The same on the API and on every worker, whatever order the keys are stored in. It
 * is taken of the spec as it was frozen; do not fill in defaults first.
 */
export const specDigest = ({ output: { dir: _, ...output }, ...spec }: TrainingSpec): string =>
  createHash('sha256')
    .update(canonicalJson({ ...spec, output }))
    .digest('hex');
