import type { WithResponse } from '../core/api-promise.js';
import type { PageContent } from '../core/pagination.js';
import type { RequestOptions } from '../core/request-options.js';
import type { Transport } from '../core/request.js';
import type { QueryValue } from './query.js';

const DEFAULT_TAKE = 20;

export interface ListRequest {
  path: string;
  query: { take?: number; skip?: number } & Record<string, QueryValue>;
  options: RequestOptions | undefined;
}

type LoadPage<T> = (skip: number | undefined) => Promise<WithResponse<PageContent<T>>>;

/** Pages that come as `{ data, total, take, skip }`. */
export const loadPage =
  <T>(transport: Transport, { path, query, options }: ListRequest): LoadPage<T> =>
  (skip = query.skip) =>
    transport.json<PageContent<T>>({ method: 'GET', path, query: { ...query, skip }, options }).withResponse();

/** Pages that come as a bare array, with the total in the header `x-total-count`. */
export const loadBarePage =
  <T>(transport: Transport, { path, query, options }: ListRequest): LoadPage<T> =>
  async (skip = query.skip) => {
    const request = { method: 'GET', path, query: { ...query, skip }, options } as const;
    const { data, ...rest } = await transport.json<T[]>(request).withResponse();
    const seen = (skip ?? 0) + data.length;
    const total = Number(rest.response.headers.get('x-total-count') ?? seen);
    return { ...rest, data: { data, total, take: query.take ?? DEFAULT_TAKE, skip: skip ?? 0 } };
  };
