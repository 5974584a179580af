import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

/** A worker first tries whether its trainers start: a minute for a real one on a busy machine, at times more. */
const START_MS = 180_000;

/** One real process of the system: an API or a worker. */
export class Service {
  private child: ChildProcess | undefined;
  readonly output: string[] = [];

  constructor(
    readonly name: string,
    private readonly entry: string,
    private readonly environment: Record<string, string>,
    private readonly logFile: string,
    private readonly isReady: () => Promise<boolean>,
  ) {}

  get pid(): number {
    if (!this.child?.pid) throw new Error(`${this.name} is not running.`);
    return this.child.pid;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Starts it and waits until it is ready; fails with its last lines when it ends before. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [this.entry], {
      env: { ...inherited(), ...this.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(this.logFile, { flags: 'a' });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => this.output.push(chunk.toString()));
      stream?.pipe(log, { end: false });
    }
    this.child = child;
    const deadline = Date.now() + START_MS;
    while (!(await this.isReady())) {
      if (!this.isRunning || Date.now() > deadline)
        throw new Error(`${this.name} did not start:\n${this.output.join('').slice(-2000)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Sends a signal and waits until the process is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.child || !this.isRunning) return;
    const gone = once(this.child, 'exit');
    this.child.kill(signal);
    await gone;
  }
}

/** Only what a process needs to run at all, so that settings of the developer's shell change no test. */
const inherited = (): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: process.env['HOME'] ?? '/tmp',
  // On the CPU everywhere: a GPU would be shared with what runs on it, and the models are tiny.
  NVIDIA_SMI: 'no-such-program',
});
