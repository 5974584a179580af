import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { TrainerError } from '../errors.js';
import type { LayerShape } from '../model/layers.js';
import { fromLoraFile, type Lora, toLoraFile } from '../model/lora.js';
import { decodeSafetensors, encodeSafetensors, type Tensors } from '../safetensors.js';
import type { AdamState } from './adamw.js';
import { writeDurably } from './atomic-write.js';
import { makeFolder } from './make-folder.js';

const KEPT_STATES = 2;
/** Far more steps than there are between two states. */
const KEPT_POINTS = 1000;
const WEIGHTS_FILE = 'lora.safetensors';
const OPTIMIZER_FILE = 'optimizer.safetensors';
const STATE_FILE = 'state.json';

/** A step as its `progress` event told it. */
const PointSchema = z.object({ step: z.int(), epoch: z.int(), loss: z.number(), learningRate: z.number() });
export type Point = z.infer<typeof PointSchema>;

/** What must agree between the run that saved and the run that resumes, and where it was. */
export const RunStateSchema = z.object({
  version: z.literal(1),
  step: z.int().nonnegative(),
  kind: z.enum(['image', 'text']),
  seed: z.int(),
  dim: z.int(),
  alpha: z.number(),
  batchSize: z.int(),
  examples: z.int(),
  /** Loss of the last step; null before the first. */
  loss: z.number().nullable(),
  startedAt: z.string(),
  /** The newest points of the loss curve: who reads the events may be killed before it has kept the last of them. */
  points: z.array(PointSchema).default([]),
});
export type RunState = z.infer<typeof RunStateSchema>;

/** Fields that must not change between start and resume; learning rate, epochs and prompts may. */
const FIXED = ['kind', 'seed', 'dim', 'alpha', 'batchSize', 'examples'] as const;

export interface SavedRun {
  state: RunState;
  lora: Lora;
  adam: AdamState;
}

/** Notes a step that is done. */
export const addPoint = ({ points }: RunState, point: Point): void => {
  points.push(point);
  if (points.length > KEPT_POINTS) points.shift();
};

/**
 * Save a state folder, complete once it carries its final name, and drop all but the newest.
 * @returns paths of the folder and of the weights in it
 */
export const saveRun = async (
  folder: string,
  run: SavedRun,
  metadata: Record<string, string>,
): Promise<{ statePath: string; weightsPath: string }> => {
  const statePath = join(folder, `step-${String(run.state.step).padStart(6, '0')}`);
  const temporary = join(folder, '.partial');
  await rm(temporary, { recursive: true, force: true });
  await makeFolder(temporary);
  await writeDurably(join(temporary, WEIGHTS_FILE), encodeSafetensors(toLoraFile(run.lora), metadata));
  await writeDurably(join(temporary, OPTIMIZER_FILE), encodeSafetensors(momentTensors(run)));
  await writeDurably(join(temporary, STATE_FILE), `${JSON.stringify(run.state)}\n`);
  await rm(statePath, { recursive: true, force: true });
  await rename(temporary, statePath);
  await dropOldStates(folder);
  return { statePath, weightsPath: join(statePath, WEIGHTS_FILE) };
};

/** Load a state folder, given itself or a file in it. @throws TrainerError `resume_unreadable` or `resume_mismatch` */
export const loadRun = async (
  path: string,
  expected: Omit<RunState, 'step' | 'loss' | 'startedAt' | 'points'>,
  layers: readonly LayerShape[],
): Promise<SavedRun> => {
  const run = await readRun(path, layers);
  const changed = FIXED.filter((field) => run.state[field] !== expected[field]);
  if (changed.length === 0) return run;
  const differences = changed.map((field) => `${field} ${run.state[field]} → ${expected[field]}`).join(', ');
  throw new TrainerError(
    'resume_mismatch',
    `The saved run does not fit this configuration: ${differences}.`,
    'Resume with the configuration that started the run.',
  );
};

const readRun = async (path: string, layers: readonly LayerShape[]): Promise<SavedRun> => {
  try {
    const folder = (await stat(path)).isDirectory() ? path : dirname(path);
    const state = RunStateSchema.parse(JSON.parse(await readFile(join(folder, STATE_FILE), 'utf8')));
    const lora = fromLoraFile(decodeSafetensors(await readFile(join(folder, WEIGHTS_FILE))).tensors, layers);
    const moments = decodeSafetensors(await readFile(join(folder, OPTIMIZER_FILE))).tensors;
    return { state, lora, adam: { first: momentsOf(moments, 'first'), second: momentsOf(moments, 'second') } };
  } catch (error) {
    throw new TrainerError(
      'resume_unreadable',
      `No saved run in ${path}: ${(error as Error).message}`,
      'Start the job anew.',
    );
  }
};

const momentTensors = ({ lora, adam }: SavedRun): Tensors =>
  Object.fromEntries(
    (['first', 'second'] as const).flatMap((moment) =>
      Object.entries(adam[moment]).map(([name, data]) => [
        `${moment}.${name}`,
        { shape: lora.tensors[name]?.shape ?? [data.length], data },
      ]),
    ),
  );

const momentsOf = (tensors: Tensors, moment: 'first' | 'second'): AdamState['first'] =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(`${moment}.`))
      .map(([name, { data }]) => [name.slice(moment.length + 1), data]),
  );

const dropOldStates = async (folder: string): Promise<void> => {
  const states = (await readdir(folder))
    .filter((name) => /^step-\d+$/.test(name))
    .sort((a, b) => Number(b.slice(5)) - Number(a.slice(5)));
  await Promise.all(states.slice(KEPT_STATES).map((name) => rm(join(folder, name), { recursive: true, force: true })));
};
