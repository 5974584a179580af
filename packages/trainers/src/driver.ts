import { fileURLToPath } from 'node:url';
import type { SavedState } from './trainer.js';

/** Folder of the Python drivers; `python <folder> <trainer> …` starts one. */
export const DRIVERS_DIR = fileURLToPath(new URL('../drivers', import.meta.url));

/** Loads finished weights with the libraries of the Python that runs it. */
export const LOAD_WEIGHTS_PROGRAM = fileURLToPath(new URL('../drivers/load_weights.py', import.meta.url));

// A driver renames a state into this place when it is whole, so a folder of this name is complete.
const STATE_FILE = /^(output\/state\/step-(\d+))\/state\.json$/;

/** The states that a driver of ours left in a workspace (`drivers/influencerai_drivers/states.py`). */
export const findDriverStates = (files: readonly string[]): SavedState[] =>
  files.flatMap((file) => {
    const [, path, step] = STATE_FILE.exec(file) ?? [];
    return path ? [{ step: Number(step), path }] : [];
  });
