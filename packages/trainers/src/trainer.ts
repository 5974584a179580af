import type { ErrorCode, TrainerEvent, TrainerId, TrainingSpec } from '@influencerai/shared';
import type { z } from 'zod';
import type { ModelEntry } from './models/model-entry.js';
import type { TextRow } from './text-row.js';

export type TrainingKind = TrainingSpec['kind'];

/** The examples of a dataset, found and opened by the caller: planning itself reads nothing. */
export type DatasetListing =
  { kind: 'image'; images: readonly DatasetImage[] } | { kind: 'text'; rows: readonly TextRow[] };

export interface DatasetImage {
  /** Absolute path of the picture. */
  path: string;
  caption: string;
  /** Pixels, as stored. */
  width: number;
  /** Pixels, as stored. */
  height: number;
}

/** What the job has of the host that runs it. */
export interface HostFacts {
  device: 'cuda' | 'cpu';
  /** GPUs of this job; 0 on a host without. More than one means a launcher and no step gate. */
  gpus: number;
  /** Whether the trainer has bitsandbytes there, for 4 and 8 bit; undefined where nobody looked. */
  hasBitsandbytes?: boolean;
  /** Whether its GPUs compute in bf16; undefined where nobody looked. Those that do not emulate it, slowly. */
  hasBf16?: boolean;
}

/** Where and as what a job runs. */
export interface PlanContext {
  jobId: string;
  attempt: number;
  /** Absolute path of a folder that belongs to this attempt alone; the trainer's working directory. */
  workspaceDir: string;
  dataset: DatasetListing;
  host: HostFacts;
  /** What the operator's registry says of the base model; undefined when it does not name it. */
  model: ModelEntry | undefined;
  /** The state to go on from, as an earlier attempt wrote it. */
  resumeFrom?: ResumePoint;
  /** Train only the steps that `grant` commands authorise, and wait between them. Default: train all of them. */
  isBudgeted?: boolean;
  /** How often memory ran out. Each time halves the batch (`shrunkBatch`); how long the job is stays the same. */
  halvings?: number;
}

export interface ResumePoint {
  /** Absolute path. */
  path: string;
  /** Optimizer steps that the state holds, counted since the very first start of the job. */
  step: number;
  /** Whether it holds a gradient scaler, as those of fp16 do; undefined where nobody looked. */
  hasScaler?: boolean;
}

/** How one field of the portable spec reached the trainer. A field that matters is never dropped in silence. */
export interface FieldMapping {
  /** Dotted path in the spec; `host.gpus` where the trainer cannot use them all, or they lack something. */
  field: string;
  how: 'exact' | 'approximated' | 'dropped';
  /** What the trainer calls it, with the value it gets. */
  to?: string;
  /** Why it is not exact, for people. */
  reason?: string;
}

/** Everything needed to run a job, as data: the worker carries it out, the API shows it. */
export interface Plan {
  /** Files to write before the launch; paths relative to the workspace. */
  files: { path: string; content: string }[];
  /** Links to make before the launch, from a path relative to the workspace to an absolute one. */
  links: { path: string; target: string }[];
  /** Absolute paths outside the workspace that the trainer reads: pictures, models, the state to go on from. */
  reads: string[];
  /** Argument array. The first element is the symbolic name of a program that the worker knows where to find. */
  command: [program: string, ...args: string[]];
  /** Added to the minimal environment that the worker makes. */
  env: Record<string, string>;
  /** `commands`: the trainer reads `TrainerCommand` lines and stops when the stream closes. */
  stdin: 'commands' | 'none';
  mapping: FieldMapping[];
  steps: { perEpoch: number; total: number };
  /** Estimate of what the workspace grows to, in bytes: caches, checkpoints, states, and the worker's copies of them. */
  diskBytes: number;
}

export interface TrainerExit {
  /** Null when a signal ended the process. */
  exitCode: number | null;
  signal: string | null;
  /** The last lines of both output streams, oldest first. */
  tail: readonly string[];
  /** What the trainer said of itself that bears on the failure: its `error` and `warning` events, oldest first. */
  events: readonly TrainerEvent[];
}

export interface Failure {
  code: ErrorCode;
  /** One or two sentences for the tenant. */
  error: string;
  /** What to change. */
  hint?: string;
  /** The trouble of the host, not of the job: on another one the job can go on from its last state. */
  isOfHost?: true;
  /** This host lacks what the job needs, and another may have it. */
  isLack?: true;
}

/** A state that a later attempt can go on from. */
export interface SavedState {
  step: number;
  /** File or folder, relative to the workspace. */
  path: string;
  /** A file in it, relative to the workspace, whose content tells whether it is whole. */
  mark?: string;
}

/** Turns one line of output into an event; undefined means that it is a log line. */
export type LineParser = (line: string, stream: 'stdout' | 'stderr') => TrainerEvent | undefined;

/** What a parser cannot know from the output: a resumed trainer may count from 0 again. */
export interface RunFacts {
  /** True step that the run starts after. */
  startStep: number;
  totalSteps: number;
  totalEpochs: number;
}

/**
 * A program that trains, described without running it. Every method is pure; process life, files and reports are the
 * worker's. A new trainer is a folder with this and one line in the registry.
 */
export interface Trainer {
  readonly id: TrainerId;
  readonly kinds: readonly TrainingKind[];
  /** The entries of a configuration's `meta` that it understands beyond the portable ones; each with its meaning. */
  readonly parameters: z.ZodObject;
  /** Whether it fetches models from the Hugging Face hub: it then gets the operator's token where a job needs it. */
  readonly usesHub: boolean;
  /** Whether it gets the operator's embedding endpoint. */
  readonly usesEmbeddings?: boolean;
  /** How long it may take to save and stop, in milliseconds. */
  readonly graceMs: number;
  /** Translates the portable spec; throws `AppError('spec_unsupported')` for what the trainer cannot do. */
  plan(spec: TrainingSpec, context: PlanContext): Plan;
  /** A parser for the output of one run; it may keep what earlier lines said. */
  createParser(run: RunFacts): LineParser;
  /** `checkpoint` and `sample` events for files of a workspace (relative paths), where the output does not announce them. */
  collect(files: readonly string[]): TrainerEvent[];
  /** The complete states among the files of a workspace (relative paths), for a resume after a crash. */
  findStates(files: readonly string[]): SavedState[];
  /** Whether the text of a state's mark is that of a complete state of this step. Left out where no state has one. */
  isWhole?(mark: string, state: SavedState): boolean;
  /** Says why a run failed. Only called when it did: an exit code of 0 then means that the final file is missing. */
  explainFailure(exit: TrainerExit): Failure;
}
