import type { Method } from './settings.js';

/** `driver.json` as `influencerai_drivers/trl.py` reads it. */
export interface TrlDriverConfig {
  name: string;
  method: Method;
  /** Optimizer steps that the state holds, which the run goes on from. */
  startStep: number;
  totalSteps: number;
  /** Waits for grants; otherwise all steps are authorised. */
  isBudgeted: boolean;
  /** A state at least this often, apart from named checkpoints. */
  stateEverySeconds: number;
  checkpoint: { everySteps: number } | { everyEpochs: number };
  samples: { prompts: string[]; maxTokens: number; asChat: boolean };
  resumeFrom?: string;
  /** What the published files call the base, in place of a path of this host. */
  publicBase: string;
  /** Goes into the header of the published weights. */
  metadata: Record<string, string>;
  /** What to change when memory runs out. */
  outOfMemoryHint: string;
  /** One for each GPU. */
  processes: number;
  sft: SftArguments;
}

/** Fields of TRL's ScriptArguments, SFTConfig, ModelConfig and DatasetMixtureConfig, each under its own name. */
export type SftArguments = Record<string, SftValue>;
export type SftValue = string | number | boolean | string[] | { path: string; data_files: string; split: string }[];
