import { z } from 'zod';

/** Fields that are taken, whatever they hold, and not looked at. */
export const ignored = <Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, z.unknown().optional().describe('Ignored.')])) as Record<
    Name,
    z.ZodOptional<z.ZodUnknown>
  >;
