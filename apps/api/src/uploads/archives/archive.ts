import { AppError } from '@influencerai/shared';
import { codeOf } from '../../http/error-code.js';
import { inBytes } from '../../http/in-bytes.js';
import { refuseFile, tooLarge } from '../upload-limits.js';

export type ArchiveKind = 'zip' | 'tar' | 'tar.gz';

/** Something that an archive holds. What of `content` is not read is skipped. */
export type ArchiveEntry =
  { name: string; type: 'folder' } | { name: string; type: 'file'; content: AsyncIterable<Buffer> };

const ENDINGS: [RegExp, ArchiveKind][] = [
  [/\.zip$/i, 'zip'],
  [/\.tar$/i, 'tar'],
  [/\.(tgz|tar\.gz)$/i, 'tar.gz'],
];

/** By the name alone; undefined when it names no archive that can be unpacked. */
export const archiveKindOf = (fileName: string): ArchiveKind | undefined =>
  ENDINGS.find(([ending]) => ending.test(fileName))?.[1];

export interface InflationLimits {
  maxUnpackedBytes: number;
  maxRatio: number;
}

/** Texts of this size may shrink to next to nothing, honestly. */
const RATIO_FROM_BYTES = 16 * 1024 * 1024;

/** Compares what comes out of an archive with what went in, while it is unpacked: sizes that it states itself are no proof. */
export class Inflation {
  packedBytes = 0;
  private unpackedBytes = 0;

  constructor(private readonly limits: InflationLimits) {}

  /** @throws AppError `upload_too_large` */
  add(bytes: number): void {
    const { maxUnpackedBytes, maxRatio } = this.limits;
    this.unpackedBytes += bytes;
    if (this.unpackedBytes > maxUnpackedBytes) throw tooLarge('unpacked, it may have', inBytes(maxUnpackedBytes));
    if (this.unpackedBytes > RATIO_FROM_BYTES && this.unpackedBytes > maxRatio * this.packedBytes)
      throw tooLarge('unpacked, it may have', `${maxRatio} times the size of the archive`);
  }
}

export const refuseSpecial = (name: string): AppError =>
  refuseFile(name, 'Archives may hold files and folders, no links, devices or pipes.');

/** What an unpacker reports of damage, as a refusal; errors of the system, and ours, stay as they are. */
export const asDamage = (error: unknown, name: string): unknown =>
  error instanceof AppError || error instanceof TypeError || /^(E[A-Z]+|ABORT_ERR)$/.test(codeOf(error))
    ? error
    : refuseFile(name, `Cannot be unpacked: ${(error as Error).message.replace(/\.$/, '')}.`);

/** The same items; an error of the source is told as damage of that name. */
export async function* tellingDamage<T>(source: AsyncIterable<T>, name: string): AsyncGenerator<T> {
  try {
    yield* source;
  } catch (error) {
    throw asDamage(error, name);
  }
}
