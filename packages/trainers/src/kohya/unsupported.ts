import { AppError } from '@influencerai/shared';

/** What kohya cannot do, or must not be made to do. */
export const unsupported = (reason: string): AppError => new AppError('spec_unsupported', { trainer: 'kohya', reason });
