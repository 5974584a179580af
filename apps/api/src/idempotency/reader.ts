import type { Principal } from '../auth/principal.js';

/** Finds what was created, as the first request would have answered. */
export interface Reader {
  /** @throws AppError with status 404 when there is none */
  get(caller: Principal, id: string): Promise<unknown>;
}

/** Under which key a route keeps the class of its {@link Reader}. */
export const READER = Symbol('READER');
