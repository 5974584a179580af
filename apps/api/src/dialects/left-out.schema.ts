import { z } from 'zod';

/*
 * Clients in Python send `null` for what they leave out: their None. On the faces that were written for them both are the
 * same, except where a contract gives `null` a meaning.
 */

/** A field that may be left out, or be null, which is read as left out. */
export const orLeftOut = <T extends z.ZodType>(schema: T) =>
  schema
    .nullable()
    .transform((value) => value ?? undefined)
    .optional();

/** The same for each field of a shape. */
export const allOrLeftOut = <Shape extends Record<string, z.ZodType>>(shape: Shape) =>
  Object.fromEntries(Object.entries(shape).map(([name, schema]) => [name, orLeftOut(schema)])) as {
    [Name in keyof Shape]: ReturnType<typeof orLeftOut<Shape[Name]>>;
  };

/** A field that has this value when it is left out, or null. */
export const orDefault = <T extends z.ZodType>(schema: T, fallback: z.input<T>) =>
  schema
    .nullable()
    .transform((value) => value ?? schema.parse(fallback))
    .prefault(fallback);

/** For the `error` of a schema that does not say by itself that its value is missing, such as one of a list of words. */
export const saysMissing = ({ input }: { input?: unknown }): string | undefined =>
  input === undefined ? REQUIRED : undefined;

/** What FastAPI says of a field that must be there. */
export const REQUIRED = 'Field required';
