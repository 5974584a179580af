import { z } from 'zod';

/** A decimal numeral, with a fraction or an exponent or neither, and space around it. */
const NUMERAL = /^\s*[+-]?(\d{1,15}(\.\d{0,30})?|\.\d{1,30})(e[+-]?\d{1,3})?\s*$/i;

/**
 * A number, or text that says one: FastAPI, which the services behind two faces were built with, takes both, and a field of
 * a form is text.
 */
export const numberOrText = <T extends z.ZodType<number>>(number: T) =>
  z.preprocess((value) => (typeof value === 'string' && NUMERAL.test(value) ? Number(value) : value), number);
