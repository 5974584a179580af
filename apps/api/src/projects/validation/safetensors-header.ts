import { z } from 'zod';

/** One tensor as the header of a `.safetensors` file describes it. */
export interface StoredTensor {
  name: string;
  shape: number[];
}

/** Bytes before the header that say how long it is. */
export const LENGTH_BYTES = 8;
/** Adapters have headers of kilobytes; the format's own limit of 100 MB would be memory for nothing. */
export const MAX_HEADER_BYTES = 32 * 1024 * 1024;

/** Bits of one number (github.com/huggingface/safetensors#format). */
const BITS: Readonly<Record<string, number>> = {
  ...{ BOOL: 8, U8: 8, I8: 8, F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8, U16: 16, I16: 16, F16: 16, BF16: 16 },
  ...{ U32: 32, I32: 32, F32: 32, U64: 64, I64: 64, F64: 64, C64: 64 },
};

const TensorSchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().min(0)).max(16),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

const HeaderSchema = z.looseObject({ __metadata__: z.record(z.string(), z.string()).optional() });

/** Weights that no reader of safetensors opens; the message says why. */
export class HeaderError extends Error {
  override readonly name = 'HeaderError';
}

/** How long the JSON of the header is. @throws HeaderError */
export function headerLength(start: Buffer): number {
  if (start.length < LENGTH_BYTES) throw new HeaderError('is too short to be a safetensors file');
  const length = start.readBigUInt64LE();
  if (length > MAX_HEADER_BYTES) throw new HeaderError(`says that its header has ${length} bytes, which is too much`);
  return Number(length);
}

/**
 * The tensors of a file, whose bytes must lie one behind the other from the header to the end.
 * @param start the beginning of the file, with the whole header
 * @param sizeBytes of the whole file
 * @throws HeaderError
 */
export function readHeader(start: Buffer, sizeBytes: number): StoredTensor[] {
  const end = LENGTH_BYTES + headerLength(start);
  if (end > start.length) throw new HeaderError('ends within its header');
  const { __metadata__: _, ...entries } = parse(HeaderSchema, toJson(start.subarray(LENGTH_BYTES, end)), 'its header');
  const tensors = Object.entries(entries).map(([name, entry]) => ({ name, ...parse(TensorSchema, entry, name) }));
  if (tensors.length === 0) throw new HeaderError('holds no tensors');
  let offset = 0;
  for (const { name, dtype, shape, data_offsets } of tensors.sort((a, b) => a.data_offsets[0] - b.data_offsets[0])) {
    const [from, to] = data_offsets;
    const bytes = bytesOf(name, dtype, shape);
    if (from !== offset) throw new HeaderError(`has ${name} at byte ${from} where ${offset} follows`);
    if (to - from !== bytes) throw new HeaderError(`has ${to - from} bytes for ${name}, whose shape needs ${bytes}`);
    offset = to;
  }
  if (end + offset !== sizeBytes)
    throw new HeaderError(`has ${sizeBytes - end} bytes of tensors where its header describes ${offset}`);
  return tensors.map(({ name, shape }) => ({ name, shape }));
}

function bytesOf(name: string, dtype: string, shape: number[]): number {
  const bits = BITS[dtype];
  if (bits === undefined) throw new HeaderError(`has ${name} of the unknown type ${dtype.slice(0, 20)}`);
  return (shape.reduce((product, size) => product * size, 1) * bits) / 8;
}

function toJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new HeaderError('has a header that is no JSON', { cause });
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new HeaderError(`does not describe ${what} as safetensors do: ${parsed.error.issues[0]?.message}`);
}
