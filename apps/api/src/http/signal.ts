/** Lets a loop sleep until something happens; what happens while it is busy is not lost. */
export class Signal {
  private isSet = false;
  private resolve: (() => void) | undefined;

  set(): void {
    this.isSet = true;
    this.resolve?.();
  }

  /** Returns at once when set since the last wait, else when it is set or the time is over. */
  async wait(timeoutMs: number): Promise<void> {
    if (!this.isSet) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.resolve = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.isSet = false;
    this.resolve = undefined;
  }
}
