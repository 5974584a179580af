import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type TrainerCommand, type TrainerEvent, TrainerEventSchema } from '@influencerai/shared';
import { type TinyConfigInput, TINY_PROGRAM } from '../src/index.js';

const DATASET = fileURLToPath(new URL('../../../data/datasets/my-influencer/', import.meta.url));

/** The bundled dataset, as a configuration names it. */
export const bundledImages = async (): Promise<{ path: string; caption: string }[]> => {
  const pictures = (await readdir(DATASET)).filter((file) => file.endsWith('.png')).sort();
  return Promise.all(
    pictures.map(async (file) => ({
      path: join(DATASET, file),
      caption: (await readFile(join(DATASET, file.replace('.png', '.txt')), 'utf8')).trim(),
    })),
  );
};

export const anImageConfig = async (training: object, overrides: object = {}): Promise<TinyConfigInput> => ({
  kind: 'image',
  dataset: { images: await bundledImages() },
  name: 'test',
  network: { dim: 16, alpha: 8 },
  training: { epochs: 20, batchSize: 2, learningRate: 1e-4, lrScheduler: 'cosine', seed: 42, ...training },
  ...overrides,
});

export const aWorkspace = (): Promise<string> => mkdtemp(join(tmpdir(), 'tiny-'));

/** The built program as a child process, with its events. */
export class TinyRun {
  readonly events: TrainerEvent[] = [];
  private readonly child: ChildProcess;
  private readonly exited: Promise<number | null>;
  private onEvent: () => void = () => undefined;

  private constructor(child: ChildProcess) {
    this.child = child;
    if (!child.stdout) throw new Error('the child has no standard output');
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      this.events.push(TrainerEventSchema.parse(JSON.parse(line)));
      this.onEvent();
    });
    const drained = new Promise<void>((resolve) => lines.once('close', resolve));
    this.exited = new Promise((resolve) => child.once('exit', (code) => void drained.then(() => resolve(code))));
  }

  static async start(workspace: string, config: unknown): Promise<TinyRun> {
    const path = join(workspace, 'config.json');
    await writeFile(path, JSON.stringify(config));
    return new TinyRun(
      spawn(process.execPath, [TINY_PROGRAM, '--config', path], { cwd: workspace, stdio: ['pipe', 'pipe', 'inherit'] }),
    );
  }

  /** Resolves with the first event that fits; rejects when the program ends without one. */
  async until(fits: (event: TrainerEvent) => boolean): Promise<TrainerEvent> {
    let hasExited = false;
    void this.exited.then(() => {
      hasExited = true;
      this.onEvent();
    });
    for (;;) {
      const found = this.events.find(fits);
      if (found) return found;
      if (hasExited) throw new Error(`no such event among ${JSON.stringify(this.events)}`);
      await new Promise<void>((resolve) => {
        this.onEvent = resolve;
      });
    }
  }

  send(command: TrainerCommand): void {
    this.child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  closeInput(): void {
    this.child.stdin?.end();
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** @returns the exit code, once every event has been read */
  exitCode(): Promise<number | null> {
    return this.exited;
  }

  /** Loss by step. */
  get losses(): Map<number, number> {
    return new Map(
      this.events.flatMap((event) =>
        event.event === 'progress' && event.loss !== undefined ? [[event.step, event.loss] as const] : [],
      ),
    );
  }
}
