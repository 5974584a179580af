import type { TrainingSpec } from '@influencerai/shared';

/** A file name that is no option and no path. */
export const fileNameFor = ({ output }: TrainingSpec): string =>
  output.name.replace(/[^\p{L}\p{N}._-]/gu, '-').replace(/^[._-]+/, '') || 'lora';
