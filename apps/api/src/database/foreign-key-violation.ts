import { Prisma } from './generated/client.js';

/** Whether a write through Prisma named a row that there is not, or not any more. */
export const isForeignKeyViolation = (error: unknown): boolean =>
  error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2003';
