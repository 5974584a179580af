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

  // Typed by the library's own signatures, so that callbacks are as free as those of any promise.
  readonly then: Promise<T>['then'] = (onFulfilled, onRejected) =>
    this.answer.then(({ data }) => data).then(onFulfilled, onRejected);

  readonly catch: Promise<T>['catch'] = (onRejected) => this.then(undefined, onRejected);

  readonly finally: Promise<T>['finally'] = (onFinally) => this.then().finally(onFinally);
}
