import { readFile } from 'node:fs/promises';
import type { TrainerEvent } from '@influencerai/shared';
import { z } from 'zod';
import { type TinyConfig, TinyConfigSchema } from './config.js';
import { TrainerError, toErrorEvent } from './errors.js';
import { startBackend } from './model/arrays.js';
import { TrainerControl } from './training/control.js';
import { createLearner } from './training/create-learner.js';
import { Trainer } from './training/trainer.js';

/** Train as a configuration file says, talking JSON lines on standard output and input. @returns the exit code */
export const runTraining = async (configPath: string): Promise<number> => {
  let control: TrainerControl | undefined;
  try {
    const config = await readConfig(configPath);
    control = new TrainerControl({
      input: process.stdin,
      isBudgeted: config.isBudgeted,
      stopsOnClose: config.exitOnStdinClose,
      onIgnored: (line) => process.stderr.write(`ignored input line: ${line}\n`),
    });
    // Nobody reads any more: save and leave rather than die of EPIPE.
    process.stdout.on('error', () => control?.stop());
    await startBackend();
    await new Trainer({ config, learner: await createLearner(config), control, emit }).train();
    return 0;
  } catch (error) {
    emit(toErrorEvent(error));
    if (!(error instanceof TrainerError))
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return 1;
  } finally {
    control?.close();
  }
};

const emit = (event: TrainerEvent): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};

const readConfig = async (path: string): Promise<TinyConfig> => {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new TrainerError(
      'config_unreadable',
      `${path}: ${(error as Error).message}`,
      'Give the path of a JSON file with --config.',
    );
  }
  const parsed = TinyConfigSchema.safeParse(json);
  if (!parsed.success)
    throw new TrainerError('config_invalid', z.prettifyError(parsed.error), 'See packages/tiny/src/config.ts.');
  return parsed.data;
};
