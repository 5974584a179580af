import type { Gpu } from '@influencerai/shared';
import { execa } from 'execa';
import { totalmem } from 'node:os';
import { chooseGpus, MEND_OR_CPU, type GpuReport } from './gpu-list.js';

const QUERY = [
  '--query-gpu=index,uuid,name,memory.total,compute_cap,mig.mode.current',
  '--format=csv,noheader,nounits',
];
const UNKNOWN_FIELD = /not a valid field/;
const TOO_OLD = 'The driver of the GPUs is too old to tell what they are: install version 570 or newer.';
const QUERY_TIMEOUT_MS = 10_000;

/**
 * The GPUs of this host as `nvidia-smi` tells them; none where there is no such program.
 * @param visible `CUDA_VISIBLE_DEVICES`: numbers and UUIDs, with commas between; undefined for all, -1 or nothing for none.
 */
export const discoverGpus = async (nvidiaSmi: string, visible: string | undefined): Promise<GpuReport> => {
  const wanted = visible === undefined ? undefined : namesIn(visible);
  if (wanted?.length === 0) return { gpus: [] };
  const answer = await execa(nvidiaSmi, QUERY, { reject: false, timeout: QUERY_TIMEOUT_MS, stdin: 'ignore' });
  if (answer.code === 'ENOENT') return { gpus: [] };
  if (answer.failed) {
    const [reason = ''] = [...answer.stdout.split('\n'), answer.stderr, answer.shortMessage].filter(
      (line) => line !== '',
    );
    if (UNKNOWN_FIELD.test(reason)) return { gpus: [], problem: `${TOO_OLD} ${MEND_OR_CPU}` };
    return { gpus: [], problem: `${nvidiaSmi} failed: ${reason.trim()}. ${MEND_OR_CPU}` };
  }
  return chooseGpus({ csv: answer.stdout, wanted, hostMemoryBytes: totalmem() });
};

/** As CUDA reads it: whatever comes behind -1 does not count. */
const namesIn = (visible: string): string[] => {
  const names = visible.split(',').map((name) => name.trim());
  const end = names.indexOf('-1');
  return (end < 0 ? names : names.slice(0, end)).filter((name) => name !== '');
};

/** Version of the NVIDIA driver, where it tells one. */
export const driverVersion = async (nvidiaSmi: string): Promise<string | undefined> => {
  const args = ['--query-gpu=driver_version', '--format=csv,noheader'];
  const options = { reject: false, stdin: 'ignore', timeout: QUERY_TIMEOUT_MS } as const;
  const { stdout, failed } = await execa(nvidiaSmi, args, options);
  return failed ? undefined : stdout.split('\n')[0]?.trim();
};

/**
 * Environment of a program that may use these GPUs only. CUDA puts the fastest first unless it is told to count as
 * `nvidia-smi` does, by the place on the bus.
 */
export const gpuEnvironment = (gpus: readonly Gpu[]): Record<string, string> => {
  if (gpus.length === 0) return { CUDA_VISIBLE_DEVICES: '' };
  return { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: gpus.map(({ index }) => index).join(',') };
};
