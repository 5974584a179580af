import type { Page } from '@influencerai/shared';
import type { FastifyReply } from 'fastify';

/** Repeats the paging of a list in headers, for clients that page by them. */
export function sendPageHeaders<T>(reply: FastifyReply, page: Page<T>): Page<T> {
  void reply.headers({ 'x-total-count': page.total, 'x-take': page.take, 'x-skip': page.skip });
  return page;
}

/** The same headers, for the documentation. */
export const PAGE_HEADERS = { 'x-total-count': 'Number of all.', 'x-take': 'As `take`.', 'x-skip': 'As `skip`.' };
