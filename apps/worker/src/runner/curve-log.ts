import { JobMetricSchema, type JobMetric } from '@influencerai/shared';
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const FILE = 'loss-curve.jsonl';

/**
 * The loss curve of an attempt on this host's disk. Points wait up to a second for their report, longer while the API
 * is away; a crash would leave a hole before the state from which the next attempt goes on.
 */
export class CurveLog {
  #pending: JobMetric[] = [];
  #writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly dir: string,
    private readonly onError: (error: unknown) => void,
  ) {}

  add(point: JobMetric): void {
    this.#pending.push(point);
  }

  /** Writes what was added; called when a state was saved, since points after it are measured again. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const text = this.#pending.map((point) => `${JSON.stringify(point)}\n`).join('');
    this.#pending = [];
    this.#writing = this.#writing.then(() => appendFile(join(this.dir, FILE), text)).catch(this.onError);
  }

  async settled(): Promise<void> {
    await this.#writing;
  }
}

/** The points of an attempt that ran on this host. */
export const readCurve = async (dir: string): Promise<JobMetric[]> => {
  const lines = (await readIfThere(join(dir, FILE))).split('\n');
  // The last line of a file that a crash cut off is not whole.
  return lines.flatMap((line) => (line.endsWith('}') ? [JobMetricSchema.parse(JSON.parse(line))] : []));
};

const readIfThere = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
};
