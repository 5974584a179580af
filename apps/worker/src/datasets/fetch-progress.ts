import type { JobDatasetFile } from '@influencerai/shared';

const NOTE_EVERY_MS = 5000;

/** What an attempt says of itself before it trains. */
export interface Tell {
  /** Adds a line to the job's log. */
  note: (text: string) => void;
  /** Says in the job's result what goes on, in place of what was said before. */
  stage: (text: string) => void;
}

/** Tells how far a fetch is: by the percent in the job's result, now and then in its log. */
export class FetchProgress {
  readonly #totalBytes: number;
  readonly #startedAtMs = performance.now();
  #bytes = 0;
  #percent = -1;
  #notedAtMs = performance.now();
  #isInTrouble = false;

  /** @param files what is not in the cache */
  constructor(
    private readonly files: readonly JobDatasetFile[],
    private readonly tell: Tell,
  ) {
    this.#totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  begin(cachedFiles: number): void {
    const { length } = this.files;
    const size = `${length} files (${inMegabytes(this.#totalBytes)} MB)`;
    this.tell.note(`Fetching ${size} from the API; ${cachedFiles} of ${cachedFiles + length} files are in the cache.`);
    if (length > 0) this.#showPercent();
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    this.#isInTrouble = false;
    this.#showPercent();
    if (performance.now() - this.#notedAtMs < NOTE_EVERY_MS) return;
    this.#notedAtMs = performance.now();
    this.tell.note(`Fetched ${inMegabytes(this.#bytes)} of ${inMegabytes(this.#totalBytes)} MB of the dataset.`);
  }

  /** Said once, until bytes come again. */
  trouble(error: unknown): void {
    if (this.#isInTrouble) return;
    this.#isInTrouble = true;
    this.tell.note(`The fetch was interrupted and is tried again: ${error instanceof Error ? error.message : error}`);
  }

  end(): void {
    const seconds = ((performance.now() - this.#startedAtMs) / 1000).toFixed(1);
    if (this.#bytes > 0) this.tell.note(`Fetched ${inMegabytes(this.#bytes)} MB in ${seconds} s.`);
  }

  #showPercent(): void {
    // What is fetched anew because it was damaged counts in no total.
    const percent = Math.min(100, Math.floor((100 * this.#bytes) / Math.max(1, this.#totalBytes)));
    if (percent === this.#percent) return;
    this.#percent = percent;
    this.tell.stage(`Fetching the dataset: ${percent} %`);
  }
}

const inMegabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
