import type { Gpu } from '@influencerai/shared';

/** A GPU as its own host knows it. */
export interface HostGpu extends Gpu {
  /** Of this one card, whatever its place is. */
  uuid: string;
  /** CUDA's number for its kind, as 8.9; undefined where its driver does not tell. */
  computeCapability?: number;
}

export interface GpuReport {
  gpus: HostGpu[];
  /** Why they cannot be used, and what to do. A host where this is set must not pass for one without GPUs. */
  problem?: string;
}

export const MEND_OR_CPU = 'Mend it, or set CUDA_VISIBLE_DEVICES=-1 for a worker that trains on the CPU.';

/** A field that a GPU does not have. A GPU that is broken has other words in brackets, as `[Unknown Error]`. */
const ABSENT = /^\[?(?:N\/A|Not Supported)\]?$/;
const NUMBER = /^\d+(?:\.\d+)?$/;

export interface GpuListInput {
  /** Lines of `index, uuid, name, memory in MiB, compute capability, MIG mode`. */
  csv: string;
  /** Numbers, UUIDs or their beginnings; undefined for all. */
  wanted: readonly string[] | undefined;
  hostMemoryBytes: number;
}

/** The GPUs that are wanted, out of what `nvidia-smi` printed. Of others nothing has to be right but their names. */
export const chooseGpus = ({ csv, wanted, hostMemoryBytes }: GpuListInput): GpuReport => {
  const lines = csv.split('\n').filter((line) => line.trim() !== '');
  const rows = lines.map((line) => line.split(',').map((field) => field.trim()));
  const strange = rows.findIndex((row) => row.length !== FIELDS || !NUMBER.test(row[0]!));
  if (strange >= 0 || rows.length === 0) return { gpus: [], problem: unreadable(lines[strange]) };
  const unknown = wanted?.find((name) => !rows.some((row) => isNamed(row, name)));
  if (unknown !== undefined) return { gpus: [], problem: notThere(unknown) };
  const read = rows
    .filter((row) => wanted === undefined || wanted.some((name) => isNamed(row, name)))
    .map((row) => readGpu(row as Row, hostMemoryBytes));
  const problem = read.find((gpu) => typeof gpu === 'string');
  return problem === undefined ? { gpus: read.filter((gpu) => typeof gpu !== 'string') } : { gpus: [], problem };
};

const FIELDS = 6;
type Row = [index: string, uuid: string, name: string, memory: string, capability: string, mig: string];

const isNamed = ([index, uuid]: string[], name: string): boolean =>
  index === name || (name.startsWith('GPU-') && uuid!.startsWith(name));

/** The GPU, or why it cannot be used. */
const readGpu = ([index, uuid, name, memory, capability, mig]: Row, hostMemoryBytes: number): HostGpu | string => {
  if (mig === 'Enabled') return split(index);
  // One that shares the memory of the host has none of its own to tell.
  const memoryMiB = ABSENT.test(memory) ? Math.floor(hostMemoryBytes / 1024 / 1024) : Number(memory);
  if (!Number.isInteger(memoryMiB)) return broken(index, memory);
  const computeCapability = NUMBER.test(capability) ? Number(capability) : undefined;
  return { index: Number(index), uuid, name: name.slice(0, 200), memoryMiB, computeCapability };
};

const unreadable = (line: string | undefined): string =>
  `nvidia-smi lists no GPU that can be read${line === undefined ? '' : `: ${line.trim()}`}. ${MEND_OR_CPU}`;

const notThere = (name: string): string =>
  name.startsWith('MIG-')
    ? `CUDA_VISIBLE_DEVICES names ${name}, and slices of a GPU (MIG) are not used: name whole GPUs.`
    : `CUDA_VISIBLE_DEVICES names ${name}, which nvidia-smi does not list: see nvidia-smi -L.`;

const split = (index: string): string =>
  `GPU ${index} is split into slices (MIG), of which a job would see the first alone: turn that off (nvidia-smi -i ${index} -mig 0), or leave it out of CUDA_VISIBLE_DEVICES.`;

const broken = (index: string, what: string): string =>
  `nvidia-smi says ${what} of GPU ${index}: mend it, or leave it out of CUDA_VISIBLE_DEVICES.`;
