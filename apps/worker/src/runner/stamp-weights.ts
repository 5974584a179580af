import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';

const LENGTH_BYTES = 8;
/** The format's own limit (github.com/huggingface/safetensors#format), against headers that claim gigabytes. */
const MAX_HEADER_BYTES = 100_000_000;
/** Tensor data starts at a multiple of this; the header is padded with spaces. */
const ALIGNMENT = 8;

const HeaderSchema = z
  .looseObject({ __metadata__: z.record(z.string(), z.string()).default({}) })
  .refine((header) => Object.keys(header).length > 1, 'it holds no tensors');

/** Weights that no reader of safetensors opens. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
}

/**
 * Copies a `.safetensors` file with more entries in its metadata, in place of those of the same name; the tensors stay
 * as they are. The copy appears as a whole.
 * @param target a path that no trainer can write to
 * @throws WeightsError when the file is no safetensors, cut off, or without tensors
 */
export const stampWeights = async (
  input: FileHandle,
  target: string,
  entries: Record<string, string>,
): Promise<void> => {
  const { header, dataStart } = await readHeader(input);
  const stamped = encodeHeader({ ...header, __metadata__: { ...header.__metadata__, ...entries } });
  const partial = `${target}.partial`;
  await mkdir(dirname(target), { recursive: true });
  try {
    const out = createWriteStream(partial);
    out.write(stamped);
    await pipeline(input.createReadStream({ start: dataStart, autoClose: false }), out);
    await rename(partial, target);
  } finally {
    await rm(partial, { force: true });
  }
};

/**
 * Looks at a `.safetensors` file that its writer may have been kept from finishing.
 * @throws WeightsError when the file is no safetensors, cut off, or without tensors
 */
export const assertWhole = async (input: FileHandle): Promise<void> => void (await readHeader(input));

type Header = z.infer<typeof HeaderSchema>;

const readHeader = async (input: FileHandle): Promise<{ header: Header; dataStart: number }> => {
  const { size } = await input.stat();
  const length = Buffer.alloc(LENGTH_BYTES);
  await input.read(length, 0, LENGTH_BYTES, 0);
  const headerBytes = Number(length.readBigUInt64LE());
  const dataStart = LENGTH_BYTES + headerBytes;
  if (headerBytes > MAX_HEADER_BYTES || dataStart > size) throw new WeightsError('it is no safetensors file');
  const json = Buffer.alloc(headerBytes);
  await input.read(json, 0, headerBytes, LENGTH_BYTES);
  const header = parseHeader(json);
  if (dataStart + dataBytes(header) !== size) throw new WeightsError('it is cut off');
  return { header, dataStart };
};

const parseHeader = (json: Buffer): Header => {
  const parsed = HeaderSchema.safeParse(parseJson(json));
  if (!parsed.success) throw new WeightsError(parsed.error.issues[0]?.message ?? 'its header is unreadable');
  return parsed.data;
};

const parseJson = (json: Buffer): unknown => {
  try {
    return JSON.parse(json.toString('utf8'));
  } catch (cause) {
    throw new WeightsError('its header is unreadable', { cause });
  }
};

const TensorSchema = z.object({ data_offsets: z.tuple([z.int(), z.int()]) });

const dataBytes = ({ __metadata__, ...tensors }: Header): number =>
  Math.max(...Object.values(tensors).map((tensor) => TensorSchema.parse(tensor).data_offsets[1]));

const encodeHeader = (header: Header): Buffer => {
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(Math.ceil(json.length / ALIGNMENT) * ALIGNMENT, ' ');
  json.copy(padded);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded]);
};
