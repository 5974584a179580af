import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { TrainerCommandSchema } from '@influencerai/shared';

interface ControlOptions {
  input: Readable;
  /** Count grants; without it every step is authorised. */
  isBudgeted: boolean;
  /** Stop when the input ends. A closed input means little by itself: `< /dev/null` is closed from the start. */
  stopsOnClose: boolean;
  onIgnored: (line: string) => void;
}

/** Commands and signals, collected while a step computes and looked at between steps. */
export class TrainerControl {
  private authorisedSteps = 0;
  private isInputClosed = false;
  private wake: () => void = () => undefined;
  private readonly closeInput: () => void;
  private readonly stopOnSignal = (): void => this.stop();

  isStopping = false;
  isSaveRequested = false;
  isSampleRequested = false;

  constructor(private readonly options: ControlOptions) {
    const lines = createInterface({ input: options.input, crlfDelay: Infinity });
    lines.on('line', (line) => this.receive(line));
    lines.once('close', () => {
      this.isInputClosed = true;
      if (options.stopsOnClose) this.stop();
      this.wake();
    });
    this.closeInput = () => {
      lines.removeAllListeners();
      lines.close();
      options.input.destroy();
    };
    process.on('SIGTERM', this.stopOnSignal);
    process.on('SIGINT', this.stopOnSignal);
  }

  stop(): void {
    this.isStopping = true;
    this.wake();
  }

  /** @param stepsRun since this process started; a resumed run needs grants of its own */
  isAuthorised(stepsRun: number): boolean {
    return !this.options.isBudgeted || stepsRun < this.authorisedSteps;
  }

  /** Resolves at the next command or signal; a budgeted run whose input has ended can get no grant and stops. */
  async nextChange(): Promise<void> {
    if (this.isInputClosed) this.isStopping = true;
    if (this.isStopping || this.isSaveRequested || this.isSampleRequested) return;
    // A pending promise alone does not keep Node alive, an open pipe does; the timer covers inputs that do not.
    const keepAlive = setInterval(() => undefined, 60_000);
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    clearInterval(keepAlive);
  }

  close(): void {
    process.off('SIGTERM', this.stopOnSignal);
    process.off('SIGINT', this.stopOnSignal);
    this.closeInput();
  }

  private receive(line: string): void {
    const command = parseCommand(line);
    if (!command) {
      if (line.trim() !== '') this.options.onIgnored(line);
      return;
    }
    if (command.command === 'grant') this.authorisedSteps += command.steps;
    if (command.command === 'save') this.isSaveRequested = true;
    if (command.command === 'sample') this.isSampleRequested = true;
    if (command.command === 'abort') this.isStopping = true;
    this.wake();
  }
}

const parseCommand = (line: string) => {
  try {
    return TrainerCommandSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
};
