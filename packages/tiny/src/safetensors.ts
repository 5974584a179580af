/**
 * The safetensors container: eight bytes of header length (little endian), a JSON header, then the tensors.
 * @see https://github.com/huggingface/safetensors#format
 */
/** Plain numbers, not shared between threads. */
export type Numbers = Float32Array<ArrayBuffer>;

export interface Tensor {
  shape: readonly number[];
  data: Numbers;
}
export type Tensors = Record<string, Tensor>;
export type StoredDtype = 'F32' | 'F16';

export interface SafetensorsFile {
  tensors: Tensors;
  metadata: Record<string, string>;
}

interface HeaderEntry {
  dtype: StoredDtype;
  shape: number[];
  data_offsets: [number, number];
}

const BYTES: Record<StoredDtype, number> = { F32: 4, F16: 2 };
/** The format's own limit, against headers that claim gigabytes. */
const MAX_HEADER_BYTES = 100_000_000;

export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
}

/** Encode tensors and string metadata; the header is padded with spaces so that tensor data is aligned to 8 bytes. */
export const encodeSafetensors = (
  tensors: Tensors,
  metadata: Record<string, string> = {},
  dtype: StoredDtype = 'F32',
): Uint8Array => {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    if (data.length !== elements(shape))
      throw new SafetensorsError(`${name}: ${data.length} numbers for shape [${shape.join(', ')}]`);
    const end = offset + data.length * BYTES[dtype];
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + offset).fill(0x20, 8, 8 + headerBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(json, 8);

  let at = 8 + headerBytes;
  for (const { data } of Object.values(tensors)) {
    const stored = dtype === 'F32' ? data : Float16Array.from(data);
    file.set(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength), at);
    at += stored.byteLength;
  }
  return file;
};

/** Decode a file with F32 or F16 tensors. @throws SafetensorsError when the header does not describe the bytes */
export const decodeSafetensors = (file: Uint8Array): SafetensorsFile => {
  if (file.length < 8) throw new SafetensorsError('shorter than the header length field');
  const headerBytes = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > file.length)
    throw new SafetensorsError(`header length ${headerBytes} is beyond the file`);

  const { __metadata__: metadata = {}, ...entries } = parseHeader(file.subarray(8, 8 + headerBytes));
  const body = file.subarray(8 + headerBytes);
  const tensors: Tensors = {};
  for (const [name, entry] of Object.entries(entries)) tensors[name] = readTensor(name, entry as HeaderEntry, body);
  return { tensors, metadata: metadata as Record<string, string> };
};

const parseHeader = (bytes: Uint8Array): Record<string, unknown> => {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof header === 'object' && header !== null && !Array.isArray(header))
      return header as Record<string, unknown>;
  } catch {
    // Reported below, in the words of this module.
  }
  throw new SafetensorsError('header is not a JSON object');
};

const readTensor = (name: string, entry: HeaderEntry, body: Uint8Array): Tensor => {
  const width = BYTES[entry?.dtype];
  if (width === undefined) throw new SafetensorsError(`${name}: dtype ${String(entry?.dtype)} is not supported`);
  const { shape, data_offsets: offsets } = entry;
  if (!Array.isArray(shape) || !Array.isArray(offsets))
    throw new SafetensorsError(`${name}: shape or data_offsets missing`);
  const [start, end] = offsets;
  const isConsistent = start >= 0 && end <= body.length && end - start === elements(shape) * width;
  if (!isConsistent)
    throw new SafetensorsError(`${name}: data_offsets [${offsets.join(', ')}] do not fit shape [${shape.join(', ')}]`);
  // A copy: typed arrays need aligned offsets, and other writers do not pad.
  const { buffer } = Uint8Array.from(body.subarray(start, end));
  return {
    shape,
    data: entry.dtype === 'F32' ? new Float32Array(buffer) : Float32Array.from(new Float16Array(buffer)),
  };
};

const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
