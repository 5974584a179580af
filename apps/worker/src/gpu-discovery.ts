import type { Gpu } from '@influencerai/shared';
import { execa } from 'execa';

const QUERY = ['--query-gpu=index,name,memory.total', '--format=csv,noheader,nounits'];
const QUERY_TIMEOUT_MS = 10_000;

export interface GpuReport {
  gpus: Gpu[];
  /** Why there are none, where the program is there and failed. */
  problem?: string;
}

/** The GPUs of this host as `nvidia-smi` tells them; none where there is no such program. */
export const discoverGpus = async (nvidiaSmi: string, visible: string | undefined): Promise<GpuReport> => {
  const answer = await execa(nvidiaSmi, QUERY, { reject: false, timeout: QUERY_TIMEOUT_MS, stdin: 'ignore' });
  if (answer.code === 'ENOENT') return { gpus: [] };
  if (answer.failed) {
    const [reason] = [...answer.stdout.split('\n'), answer.shortMessage].filter((line) => line !== '');
    return { gpus: [], problem: `${nvidiaSmi} failed, so no GPU is used: ${reason}` };
  }
  return { gpus: onlyVisible(parseGpuCsv(answer.stdout), visible) };
};

/** Version of the NVIDIA driver, where it tells one. */
export const driverVersion = async (nvidiaSmi: string): Promise<string | undefined> => {
  const args = ['--query-gpu=driver_version', '--format=csv,noheader'];
  const options = { reject: false, stdin: 'ignore', timeout: QUERY_TIMEOUT_MS } as const;
  const { stdout, failed } = await execa(nvidiaSmi, args, options);
  return failed ? undefined : stdout.split('\n')[0]?.trim();
};

/** Reads `index, name, memory` lines; a line of another form is left out. */
export const parseGpuCsv = (csv: string): Gpu[] =>
  csv.split('\n').flatMap((line) => {
    const [, index, name, memory] = /^\s*(\d+)\s*,\s*(.+?)\s*,\s*(\d+)\s*$/.exec(line) ?? [];
    if (!index || !name || !memory) return [];
    return [{ index: Number(index), name: name.slice(0, 200), memoryMiB: Number(memory) }];
  });

/** Keeps the GPUs that `CUDA_VISIBLE_DEVICES` names by number; unset means all, `-1` none. */
export const onlyVisible = (gpus: Gpu[], visible: string | undefined): Gpu[] => {
  if (visible === undefined) return gpus;
  const numbers = new Set(visible.split(',').map((part) => part.trim()));
  return gpus.filter((gpu) => numbers.has(String(gpu.index)));
};

/**
 * Environment of a program that may use these GPUs only. CUDA puts the fastest first unless it is told to count as
 * `nvidia-smi` does, by the place on the bus.
 */
export const gpuEnvironment = (gpus: readonly Gpu[]): Record<string, string> => {
  if (gpus.length === 0) return {};
  return { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: gpus.map(({ index }) => index).join(',') };
};
