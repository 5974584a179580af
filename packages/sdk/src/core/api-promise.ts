/** A parsed answer beside the HTTP response it came from. */
export interface WithResponse<T> {
  data: T;
  response: Response;
  /** The server's `x-request-id`. */
  requestId: string | undefined;
}

/**
 * What every method returns: a promise of the parsed answer that can also hand out the HTTP response.
 *
 * @example
 * ```ts
 * const { data, requestId } = await client.jobs.get(id).withResponse();
 * ```
 */
export class APIPromise<T> implements Promise<T> {
  readonly [Symbol.toStringTag] = 'APIPromise';

  /** @internal */
  constructor(private readonly answer: Promise<WithResponse<T>>) {}

  /** The parsed answer together with the HTTP response, whose body has been read. */
  withResponse(): Promise<WithResponse<T>> {
    return this.answer;
  }

  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.answer.then(({ data }) => data).then(onFulfilled, onRejected);
  }

  catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.then(undefined, onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<T> {
    return this.then().finally(onFinally);
  }
}
