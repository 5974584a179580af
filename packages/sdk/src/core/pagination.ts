import { APIPromise, type WithResponse } from './api-promise.js';

/** One page of a list. Iterating it goes on over all pages that follow. */
export class Page<T extends { id: string }> implements AsyncIterable<T> {
  readonly data: T[];
  /** Results on all pages together. */
  readonly total: number;
  readonly take: number;
  readonly skip: number;
  readonly #load: (skip: number) => PromiseLike<Page<T>>;

  /** @internal */
  constructor(content: PageContent<T>, load: (skip: number) => PromiseLike<Page<T>>) {
    this.data = content.data;
    this.total = content.total;
    this.take = content.take;
    this.skip = content.skip;
    this.#load = load;
  }

  /** Whether results follow after this page. */
  get hasNextPage(): boolean {
    return this.data.length > 0 && this.skip + this.data.length < this.total;
  }

  /** The next page, or undefined after the last one. */
  async getNextPage(): Promise<Page<T> | undefined> {
    return this.hasNextPage ? this.#load(this.skip + this.data.length) : undefined;
  }

  /** Rows that slide to a later page, because new ones came in front, are yielded once. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    return iterateFrom(this);
  }
}

async function* iterateFrom<T extends { id: string }>(first: Page<T>): AsyncGenerator<T, void, undefined> {
  const seen = new Set<string>();
  for (let page: Page<T> | undefined = first; page; page = await page.getNextPage()) {
    const fresh = page.data.filter(({ id }) => !seen.has(id));
    for (const { id } of fresh) seen.add(id);
    yield* fresh;
  }
}

/** @internal */
export interface PageContent<T> {
  data: T[];
  total: number;
  take: number;
  skip: number;
}

/**
 * A list in the making: await it for one page, or iterate it for every result.
 *
 * @example
 * ```ts
 * const page = await client.datasets.list({ take: 10 });
 * for await (const dataset of client.datasets.list({ status: 'ready' })) console.log(dataset.id);
 * ```
 */
export class PagePromise<T extends { id: string }> extends APIPromise<Page<T>> implements AsyncIterable<T> {
  /** @internal */
  constructor(load: (skip: number | undefined) => Promise<WithResponse<PageContent<T>>>, skip?: number) {
    const next = (nextSkip: number) => new PagePromise(load, nextSkip);
    super(load(skip).then((answer) => ({ ...answer, data: new Page(answer.data, next) })));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    yield* await this;
  }
}
