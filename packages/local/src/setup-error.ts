/** Something about this machine or its settings that the user can put right; the message is one line that says how. */
export class SetupError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SetupError';
  }
}

const WRITE_REFUSALS: Record<string, string> = {
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a file is in the way',
};

/** Turns the refusal to write into a folder into one clear line; any other error passes unchanged. */
export const explainWriteError = (folder: string, error: unknown): unknown => {
  const reason = WRITE_REFUSALS[(error as NodeJS.ErrnoException).code ?? ''];
  if (!reason) return error;
  return new SetupError(`Cannot write to ${folder} (${reason}): make it writable or use a checkout that is.`, {
    cause: error,
  });
};
