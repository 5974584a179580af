import type { TrainerEvent } from '@influencerai/shared';
import { findUndrivenStates, type UndrivenState } from './states.js';

// Only runs without the step gate write here (`states.ts`); the driver announces what it wrote.
const FILE = /^output\/epochs-of-(\d+)-to-(\d+)\/(sample\/)?([^/]+)\.(safetensors|png)$/;
const EPOCH = /-(\d{6})$/;
const STEP = /-step(\d{8})$/;
const SAMPLE = /_(e?)(\d{6})_\d{2,}_\d{14}(?:_\d+)?$/;

/** Weights, samples and complete states of a run that announced none, by the names that kohya gives them. */
export const collect = (files: readonly string[]): TrainerEvent[] => [
  ...filesOf(files),
  ...findUndrivenStates(files).map(state),
];

const filesOf = (files: readonly string[]): TrainerEvent[] =>
  files.flatMap((path) => {
    const [, perEpoch, total, isSample, name, extension] = FILE.exec(path) ?? [];
    if (name === undefined) return [];
    const run = { perEpoch: Number(perEpoch), total: Number(total) };
    if (isSample) return extension === 'png' ? sample(path, name, run) : [];
    return extension === 'safetensors' ? [weights(path, name, run)] : [];
  });

interface Run {
  perEpoch: number;
  total: number;
}

const weights = (path: string, name: string, { perEpoch, total }: Run): TrainerEvent => {
  const [, epoch] = EPOCH.exec(name) ?? [];
  const [, step] = STEP.exec(name) ?? [];
  const at = epoch ? Number(epoch) * perEpoch : step ? Number(step) : total;
  return { event: 'checkpoint', step: at, epoch: Math.floor(at / perEpoch), path, isFinal: !epoch && !step };
};

/** Weights and state of an epoch are written one after the other, so each is told by itself. */
const state = ({ step, epoch, path, mark }: UndrivenState): TrainerEvent => ({
  event: 'checkpoint',
  step,
  epoch,
  path: mark,
  statePath: path,
  isFinal: false,
});

const sample = (path: string, name: string, { perEpoch }: Run): TrainerEvent[] => {
  const [, isEpoch, count] = SAMPLE.exec(name) ?? [];
  if (count === undefined) return [];
  // Which prompt it was is told by a number only, and the number by the job's own list.
  return [{ event: 'sample', step: Number(count) * (isEpoch ? perEpoch : 1), path, prompt: '' }];
};
