import { Prisma } from './generated/client.js';

/** Whether a write through Prisma met a row that has the same unique values. */
export const isUniqueViolation = (error: unknown): boolean =>
  error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
