import { open } from 'node:fs/promises';
import { ApiFailure, type FilePart } from '../api/api.js';
import { HostFault, PassingLack } from '../runner/launcher.js';
import { type Patience, untilAnswered } from '../until-answered.js';
import { statIfThere } from './hash-file.js';

const SILENT_MS = 60_000;

export interface DownloadInput extends Patience {
  /** Opens the file from a byte on, or from its beginning when that cannot be had any more. */
  open: (from: number, signal: AbortSignal) => Promise<FilePart>;
  sizeBytes: number;
  file: string;
  /** Told of bytes as they are written; negative when some were given up. */
  onBytes: (bytes: number) => void;
}

/**
 * Writes a file as it comes, and goes on where the connection broke, as often as it takes.
 * @throws PassingLack when the disk is full, HostFault when it takes no writes, ApiFailure when the file cannot be had
 */
export const downloadContent = (input: DownloadInput): Promise<void> =>
  untilAnswered((backoff) => {
    const onBytes = (bytes: number): void => {
      if (bytes > 0) backoff.reset();
      input.onBytes(bytes);
    };
    return appendRest({ ...input, onBytes });
  }, input);

const appendRest = async (input: DownloadInput): Promise<void> => {
  const { file, sizeBytes } = input;
  const have = (await statIfThere(file))?.size ?? 0;
  if (have === sizeBytes && sizeBytes > 0) return;
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), SILENT_MS);
  const signal = AbortSignal.any([input.signal, silence.signal]);
  const out = await onDisk(() => open(file, 'a'));
  try {
    const { start, body } = await input.open(have, signal);
    if (start !== have) {
      await onDisk(() => out.truncate(start));
      input.onBytes(start - have);
    }
    let end = start;
    for await (const chunk of body) {
      timer.refresh();
      end += chunk.length;
      // More than was announced is another content, of whatever length.
      if (end > sizeBytes) throw new ApiFailure('refused', 'The file is longer than it was said to be.');
      await onDisk(() => out.writeFile(chunk));
      input.onBytes(chunk.length);
    }
    if (end < sizeBytes) throw new ApiFailure('retry', 'The file was cut off.');
    await onDisk(() => out.sync());
  } finally {
    clearTimeout(timer);
    await out.close();
  }
};

/** The host's own trouble: the job can run elsewhere. */
const onDisk = async <T>(action: () => Promise<T>): Promise<T> => {
  try {
    return await action();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new PassingLack('The disk of the worker ran full while the dataset was fetched.', { cause: error });
    throw new HostFault(`The dataset cache cannot be written: ${String(error)}`, { cause: error });
  }
};
