import type { SavedState } from '../trainer.js';

const STATE_FILES = ['lora.safetensors', 'optimizer.safetensors', 'state.json'];
// tiny writes a state under another name and renames it when it is whole, so a folder of this name is complete.
const STATE_FOLDER = /^(output\/state\/step-(\d+))\/state\.json$/;

/** The complete states of a tiny workspace. */
export const findStates = (files: readonly string[]): SavedState[] => {
  const present = new Set(files);
  return files.flatMap((file) => {
    const [, path, step] = STATE_FOLDER.exec(file) ?? [];
    if (!path || !STATE_FILES.every((name) => present.has(`${path}/${name}`))) return [];
    return [{ step: Number(step), path }];
  });
};
