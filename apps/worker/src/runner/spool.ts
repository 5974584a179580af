import { JobLogLineSchema, JobMetricSchema, UpdateJobSchema, ArtifactKindSchema } from '@influencerai/shared';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const EntrySchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('logs'), lines: z.array(JobLogLineSchema) }),
  z.object({ type: z.literal('metrics'), metrics: z.array(JobMetricSchema) }),
  z.object({
    type: z.literal('artifact'),
    name: z.string(),
    kind: ArtifactKindSchema,
    step: z.int().optional(),
    /** Absolute path. */
    file: z.string(),
  }),
  /** How the attempt ended; always the last. */
  z.object({ type: z.literal('end'), body: UpdateJobSchema.omit({ attempt: true }) }),
]);
export type SpoolEntry = z.infer<typeof EntrySchema>;

/**
 * Reports, files and states travel beside each other, each in order; the end goes when all are through. A state must not
 * wait behind gigabytes of checkpoints: with it another host goes on.
 */
export type Lane = 'reports' | 'files' | 'states' | 'end';

const LANES: Record<SpoolEntry['type'], Lane> = { logs: 'reports', metrics: 'reports', artifact: 'files', end: 'end' };
const ENTRY_NAME = /^(\d{8})-(reports|files|states|end)\.json$/;

/**
 * What must reach the API although it may be away, as files in one folder: an attempt's logs, its files and how it
 * ended. It survives a crash of the worker; whoever opens the folder again goes on where the other stopped.
 */
export class Spool {
  #names: string[];
  #nextNumber: number;
  #writing: Promise<void> = Promise.resolve();
  #isDiscarded = false;

  private constructor(
    private readonly dir: string,
    names: string[],
  ) {
    this.#names = names;
    this.#nextNumber = Math.max(0, ...names.map(numberOf)) + 1;
  }

  static async open(dir: string): Promise<Spool> {
    await mkdir(dir, { recursive: true });
    const names = await readdir(dir);
    return new Spool(dir, names.filter((name) => ENTRY_NAME.test(name)).sort());
  }

  /** True when the attempt's end stands in it: nothing more will come. */
  get isSealed(): boolean {
    return this.count('end') > 0;
  }

  count(lane: Lane): number {
    return this.#names.filter((name) => laneOf(name) === lane).length;
  }

  /** Adds an entry; once the promise resolves it survives a crash. Entries keep the order of the calls. */
  async add(entry: SpoolEntry): Promise<void> {
    if (this.#isDiscarded) return;
    const name = `${String(this.#nextNumber++).padStart(8, '0')}-${laneFor(entry)}.json`;
    const written = this.#writing.then(() => writeWhole(this.dir, name, JSON.stringify(entry)));
    // The next one is written even when this one fails (a full disk); its caller hears of that.
    this.#writing = written.catch(() => undefined);
    await written;
    this.#names.push(name);
  }

  /** The oldest entry of a lane. */
  async first(lane: Lane): Promise<{ name: string; entry: SpoolEntry } | undefined> {
    const name = this.#names.find((candidate) => laneOf(candidate) === lane);
    if (name === undefined) return undefined;
    return { name, entry: await readEntry(this.dir, name) };
  }

  /** All of a lane, the oldest first; what is delivered meanwhile is left out. */
  async entries(lane: Lane): Promise<SpoolEntry[]> {
    const names = this.#names.filter((name) => laneOf(name) === lane);
    const entries = await Promise.all(names.map((name) => orGone(readEntry(this.dir, name))));
    return entries.filter((entry) => entry !== undefined);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.dir, name), { force: true });
    this.#names = this.#names.filter((other) => other !== name);
  }

  /** Forgets everything, and what is added later. */
  async discard(): Promise<void> {
    this.#isDiscarded = true;
    await this.#writing;
    await rm(this.dir, { recursive: true, force: true });
    this.#names = [];
  }
}

/**
 * Looks into a spool without opening it: whoever has it open may deliver and discard it meanwhile, and what is gone is
 * left out. Entries are in order.
 */
export const readSpool = async (dir: string, lane: Lane): Promise<SpoolEntry[]> => {
  const names = (await orGone(readdir(dir)))?.filter((name) => ENTRY_NAME.test(name) && laneOf(name) === lane) ?? [];
  const entries = await Promise.all(names.sort().map((name) => orGone(readEntry(dir, name))));
  return entries.filter((entry) => entry !== undefined);
};

const readEntry = async (dir: string, name: string): Promise<SpoolEntry> =>
  EntrySchema.parse(JSON.parse(await readFile(join(dir, name), 'utf8')));

const orGone = async <T>(read: Promise<T>): Promise<T | undefined> => {
  try {
    return await read;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const laneFor = (entry: SpoolEntry): Lane =>
  entry.type === 'artifact' && entry.kind === 'state' ? 'states' : LANES[entry.type];
const laneOf = (name: string): Lane => ENTRY_NAME.exec(name)![2] as Lane;
const numberOf = (name: string): number => Number(ENTRY_NAME.exec(name)![1]);

/** Writes under another name first, so that a crash leaves a whole entry or none. */
const writeWhole = async (dir: string, name: string, content: string): Promise<void> => {
  const partial = join(dir, `${name}.partial`);
  const handle = await open(partial, 'w');
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(partial, join(dir, name));
};
