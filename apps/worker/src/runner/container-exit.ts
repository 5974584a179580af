import { constants } from 'node:os';
import type { ContainerState } from './container-engine.js';
import type { LaunchExit } from './launcher.js';

const SIGNAL_BASE = 128;

/** What a container's end means: an init program tells of a signal by 128 and its number. */
export const exitOf = (exitCode: number): LaunchExit => {
  const [signal] =
    Object.entries(constants.signals).find(([, number]) => number === exitCode - SIGNAL_BASE && number > 0) ?? [];
  return signal ? { exitCode: null, signal } : { exitCode, signal: null };
};

/** A last line for the log, where the engine knows more than the exit tells. */
export const lastWords = (state: ContainerState | undefined, memory: string | undefined): string | undefined => {
  if (!state?.isOutOfMemory) return undefined;
  return `error: Out of memory: the container used more than ${memory ?? 'the host has'}.`;
};
