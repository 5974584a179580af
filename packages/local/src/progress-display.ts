import pc from 'picocolors';

export interface DemoProgress {
  currentEpoch?: number;
  totalEpochs?: number;
  currentStep?: number;
  totalSteps?: number;
  loss?: number | null;
  secondsRemaining?: number | null;
}

const BAR_WIDTH = 28;
const LINE_EVERY_MS = 3_000;

const bar = (share: number): string => {
  const full = Math.round(Math.min(1, Math.max(0, share)) * BAR_WIDTH);
  return pc.green('█'.repeat(full)) + pc.dim('░'.repeat(BAR_WIDTH - full));
};

/** Step, epoch, loss and time left in a few words. */
export const describeProgress = (progress: DemoProgress): string => {
  const { currentStep = 0, totalSteps = 0, currentEpoch = 0, totalEpochs = 0, loss, secondsRemaining } = progress;
  const parts = [`step ${currentStep}/${totalSteps}`, `epoch ${currentEpoch}/${totalEpochs}`];
  if (typeof loss === 'number') parts.push(`loss ${loss.toFixed(4)}`);
  if (typeof secondsRemaining === 'number') parts.push(`${Math.ceil(secondsRemaining)} s left`);
  return parts.join('  ');
};

/** A live bar on a terminal; elsewhere a line now and then. */
export class ProgressDisplay {
  #saidAt = 0;
  #said = '';

  constructor(private readonly output: NodeJS.WriteStream) {}

  show(progress: DemoProgress): void {
    const text = describeProgress(progress);
    if (this.output.isTTY) {
      const share = (progress.currentStep ?? 0) / (progress.totalSteps || 1);
      this.output.write(`\r\x1b[2K  ${bar(share)}  ${text}`);
      return;
    }
    if (text === this.#said || Date.now() - this.#saidAt < LINE_EVERY_MS) return;
    this.#saidAt = Date.now();
    this.#said = text;
    this.output.write(`  ${text}\n`);
  }

  end(): void {
    if (this.output.isTTY) this.output.write('\n');
  }
}
