import type { TrainerEvent } from '@influencerai/shared';
import type { Trainer } from '@influencerai/trainers';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { openInside } from './open-inside.js';
import { assertWhole, WeightsError } from './stamp-weights.js';
import type { Workspace } from './workspace.js';

const WEIGHTS = /\.safetensors$/;

type FileEvent = Extract<TrainerEvent, { event: 'checkpoint' | 'sample' }>;

/** Finds what a trainer wrote without a word, by the names that it gives its files. */
export class FileFinder {
  /** Files that need not be found any more. */
  readonly #known = new Set<string>();
  /** Size and time of files at the last look. */
  readonly #seen = new Map<string, string>();

  constructor(
    private readonly trainer: Pick<Trainer, 'collect'>,
    private readonly workspace: Workspace,
  ) {}

  /** Says that a file was announced or taken. */
  know(path: string): void {
    this.#known.add(path);
  }

  /** While the trainer runs: what has not changed since the last look. Final weights wait for its end. */
  async settled(): Promise<FileEvent[]> {
    const events = (await this.#unknown()).filter((event) => !isFinal(event));
    return this.#whole(await filter(events, (event) => this.#hasSettled(event)));
  }

  /** After the trainer's end. Where it failed, final weights are not the end of the job, and the last file may be half. */
  async remaining({ hasFailed }: { hasFailed: boolean }): Promise<FileEvent[]> {
    const events = await this.#unknown();
    return hasFailed ? this.#whole(events.filter((event) => !isFinal(event))) : events;
  }

  /** The final weights first, since a job that is done needs no states; then by step, so that the newest comes last. */
  async #unknown(): Promise<FileEvent[]> {
    const events = this.trainer.collect(await this.workspace.files()).filter(isFileEvent);
    return events
      .filter(({ path }) => !this.#known.has(path))
      .toSorted((a, b) => Number(isFinal(b)) - Number(isFinal(a)) || a.step - b.step);
  }

  #whole(events: FileEvent[]): Promise<FileEvent[]> {
    return filter(events, (event) => this.#isWhole(event));
  }

  async #hasSettled({ path }: FileEvent): Promise<boolean> {
    await using file = await this.#open(path);
    const { size, mtimeMs } = await file.stat();
    const before = this.#seen.get(path);
    const now = `${size}:${mtimeMs}`;
    this.#seen.set(path, now);
    return before === now;
  }

  async #isWhole({ path }: FileEvent): Promise<boolean> {
    if (!WEIGHTS.test(path)) return true;
    try {
      await using file = await this.#open(path);
      await assertWhole(file);
      return true;
    } catch (error) {
      // Whoever takes the file says what else is wrong with it.
      return !(error instanceof WeightsError);
    }
  }

  #open(path: string): Promise<FileHandle> {
    return openInside(this.workspace.dir, join(this.workspace.dir, path));
  }
}

const filter = async <T>(items: T[], test: (item: T) => Promise<boolean>): Promise<T[]> => {
  const passed = await Promise.all(items.map(test));
  return items.filter((_, index) => passed[index]);
};

const isFileEvent = (event: TrainerEvent): event is FileEvent =>
  event.event === 'checkpoint' || event.event === 'sample';

const isFinal = (event: FileEvent): boolean => event.event === 'checkpoint' && event.isFinal;
