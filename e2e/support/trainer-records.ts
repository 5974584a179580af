import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { RealTrainer } from './real-trainers.js';

/** Where a run that is over left its traces. */
export interface EndedRun {
  /** The folder of its only attempt. */
  workspace: string;
  /** What it printed, a line each. */
  log: string[];
}

/** A loss in a trainer's own words. */
export interface RecordedLoss {
  step: number;
  loss: number;
}

interface TrainerRecord {
  /** What the trainer wrote down by itself, whatever a driver reported beside it. */
  read: (run: EndedRun) => Promise<RecordedLoss[]> | RecordedLoss[];
  /** What the record may say of a step, of the losses of all steps. */
  expected: (losses: number[], step: number) => number[];
}

const lossOfStep = (losses: number[], step: number): number[] => [losses[step - 1]!];

/** transformers keeps the history of a run in each checkpoint; the newest one's ends at its step. */
const readTrainerState = async ({ workspace }: EndedRun): Promise<RecordedLoss[]> => {
  const states = path.join(workspace, 'output/state');
  const newest = (await readdir(states)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)!;
  const text = await readFile(path.join(states, newest, 'trainer_state.json'), 'utf8');
  return (JSON.parse(text) as { log_history: RecordedLoss[] }).log_history;
};

/** ai-toolkit's SQLite log counts steps from 0, and leaves that one out. */
const readLossLog = async ({ workspace }: EndedRun): Promise<RecordedLoss[]> => {
  const training = path.join(workspace, 'training');
  const [job] = await readdir(training);
  const database = new DatabaseSync(path.join(training, job!, 'loss_log.db'), { readOnly: true });
  try {
    const rows = database.prepare("select step + 1 as step, value_real as loss from metrics where key = 'loss/loss'");
    return rows.all() as unknown as RecordedLoss[];
  } finally {
    database.close();
  }
};

const BAR = /steps: .*\| (\d+)\/\d+ \[.*avr_loss=([\d.e+-]+)/;

const readBars = ({ log }: EndedRun): RecordedLoss[] =>
  log.flatMap((line) => {
    const [, step, loss] = BAR.exec(line) ?? [];
    return step ? [{ step: Number(step), loss: Number(loss) }] : [];
  });

/** kohya's bar shows, in three digits, the mean over the steps of an epoch, and counts on before it shows the next mean. */
const meanOfEpoch =
  (stepsPerEpoch: number): TrainerRecord['expected'] =>
  (losses, step) =>
    [step - 1, step].map((last) => {
      const window = losses.slice(Math.max(0, last - stepsPerEpoch), last);
      return Number((window.reduce((sum, loss) => sum + loss, 0) / window.length).toPrecision(3));
    });

export const trainerRecords: Record<RealTrainer['id'], TrainerRecord> = {
  trl: { read: readTrainerState, expected: lossOfStep },
  'ai-toolkit': { read: readLossLog, expected: lossOfStep },
  kohya: { read: readBars, expected: meanOfEpoch(8) },
};
