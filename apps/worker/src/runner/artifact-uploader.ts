import { ArtifactNameSchema, type TrainerEvent } from '@influencerai/shared';
import { rm } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { isCheckpoint } from './describe-event.js';
import type { JobRecord, StateRef } from './job-record.js';
import { openInside } from './open-inside.js';
import type { SpoolEntry } from './spool.js';
import { stampWeights } from './stamp-weights.js';
import { packState } from './state-archive.js';
import type { Workspace } from './workspace.js';

/** States between named checkpoints come every few seconds; other hosts need only some of them. */
const STATE_EVERY_MS = 30_000;

/** Files whose header can be written to; a full fine-tuning may end in others. */
const WEIGHTS = /\.safetensors$/;

type CheckpointEvent = Extract<TrainerEvent, { event: 'checkpoint' }>;
type ArtifactEntry = Extract<SpoolEntry, { type: 'artifact' }>;

export interface ArtifactUploaderOptions {
  workspace: Workspace;
  record: JobRecord;
  add: (entry: ArtifactEntry) => Promise<void>;
  note: (text: string) => void;
  /** What the final weights tell of the job that made them; goes into their header. */
  stamp: Record<string, string>;
  /** What the job ends in. */
  finalKind: 'lora' | 'index';
  now: () => number;
}

/** Hands the files that a trainer announces on to the spool, one after the other, and notes them in the record. */
export class ArtifactUploader {
  #work: Promise<void> = Promise.resolve();
  readonly #companions = new Set<string>();
  #packedStep = -1;
  #packedAtMs = -Infinity;
  #packedFile: string | undefined;

  constructor(private readonly options: ArtifactUploaderOptions) {}

  take(event: TrainerEvent): void {
    if (event.event === 'sample') this.#enqueue(() => this.#addSample(event));
    if (event.event !== 'checkpoint') return;
    if (isCheckpoint(event)) this.#takeWeights(event);
    if (event.statePath && !event.isFinal) this.#takeState({ step: event.step, path: event.statePath }, event);
  }

  /** Each file by itself: one that cannot be used must not take the others with it. */
  #takeWeights(event: CheckpointEvent): void {
    this.#enqueue(() => this.#addWeights(event));
    for (const path of event.companions ?? []) this.#enqueue(() => this.#addCompanion(path, event));
  }

  #takeState(state: StateRef, event: CheckpointEvent): void {
    this.#enqueue(async () => {
      // A job that is done goes on from none.
      if (this.options.record.final === undefined) await this.#addState(state, isCheckpoint(event));
    });
  }

  /** Resolves when all that was taken lies in the spool. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** Makes sure that the newest state goes to the API, for whoever takes the job over. */
  async addNewestState(): Promise<void> {
    const { state } = this.options.record;
    if (state) this.#enqueue(() => this.#addState(state, true));
    await this.#work;
  }

  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.options.note(
        `A file of the trainer cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
  }

  async #addWeights(event: CheckpointEvent): Promise<void> {
    const { record, add, finalKind } = this.options;
    const trained = await this.#fileOf(event.path);
    const name = artifactName(event.name ?? trained);
    const file = event.isFinal ? await this.#stamped(trained, name) : trained;
    // First in the spool, then in the record: a result must name nothing that will never be sent.
    await add({ type: 'artifact', name, kind: event.isFinal ? finalKind : 'checkpoint', step: event.step, file });
    if (event.isFinal) record.setFinal(name);
    else record.addCheckpoint(name);
  }

  async #addCompanion(path: string, { step, isFinal }: CheckpointEvent): Promise<void> {
    // They are the same beside every checkpoint; those of the final weights are the last word.
    if (!isFinal && this.#companions.has(path)) return;
    const trained = await this.#fileOf(path);
    const name = artifactName(trained);
    const file = isFinal ? await this.#stamped(trained, name) : trained;
    await this.options.add({ type: 'artifact', name, kind: 'file', step, file });
    this.#companions.add(path);
  }

  async #addSample(event: Extract<TrainerEvent, { event: 'sample' }>): Promise<void> {
    const file = await this.#fileOf(event.path);
    const name = artifactName(file);
    await this.options.add({ type: 'artifact', name, kind: 'sample', step: event.step, file });
    this.options.record.addSample(name);
  }

  async #addState(state: StateRef, isDue: boolean): Promise<void> {
    const { workspace, now, add } = this.options;
    if (state.step === this.#packedStep) return;
    if (!isDue && now() - this.#packedAtMs < STATE_EVERY_MS) return;
    const name = `state-${state.step}.tar`;
    const file = join(workspace.uploadDir, name);
    await packState({ source: join(workspace.dir, state.path), root: workspace.dir, archive: file });
    await add({ type: 'artifact', name, kind: 'state', step: state.step, file });
    this.#packedStep = state.step;
    this.#packedAtMs = now();
    // Only the newest matters, and they are large; one that was not delivered yet need not be any more.
    if (this.#packedFile) await rm(this.#packedFile, { force: true });
    this.#packedFile = file;
  }

  /**
   * A copy of the weights that says where they come from, in a folder that is out of the trainer's reach; a file of
   * another kind as it is.
   */
  async #stamped(file: string, name: string): Promise<string> {
    if (!WEIGHTS.test(file)) return file;
    const { workspace, stamp } = this.options;
    const target = join(workspace.uploadDir, 'final', name);
    await using input = await openInside(workspace.dir, file);
    await stampWeights(input, target, stamp);
    return target;
  }

  /** Says at once what is wrong with a file. It is looked at again when it is sent, since the trainer can change it. */
  async #fileOf(path: string): Promise<string> {
    const { workspace } = this.options;
    const file = join(workspace.dir, path);
    await using handle = await openInside(workspace.dir, file);
    const { size } = await handle.stat();
    if (size === 0) throw new Error(`${path} is empty.`);
    return file;
  }
}

/** A name that the API takes, as near to the file's as possible. */
export const artifactName = (file: string): string => {
  const extension = extname(file);
  const stem = basename(file, extension)
    .replace(/[^A-Za-z0-9._-]/g, '_')
    .replace(/^[.-]+/, '_');
  return ArtifactNameSchema.parse(
    `${stem.slice(0, 200 - extension.length)}${extension.replace(/[^A-Za-z0-9.]/g, '_')}`,
  );
};
