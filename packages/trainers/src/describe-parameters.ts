import { z } from 'zod';

/** An entry of a configuration's `meta`, for people. */
export interface ParameterDescription {
  name: string;
  type: string;
  /** Empty where every value of the type is taken. */
  range: string;
  /** Empty where the description does not say it. */
  fallback: string;
  meaning: string;
}

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** Descriptions end with what is taken where the entry is missing: `…; default: lora.` */
const DEFAULT = /(?:^|[;.] )default:? (.+?)(?:[.;](?= |$)|$)/i;

/** The entries that a trainer reads, from the schema that it reads them with. */
export const describeParameters = (parameters: z.ZodObject): ParameterDescription[] => {
  const { properties = {} } = z.toJSONSchema(parameters, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => {
    const schema = property as JsonSchema;
    return { name, type: typeOf(schema), range: rangeOf(schema), ...splitDescription(schema.description ?? '') };
  });
};

const splitDescription = (text: string): Pick<ParameterDescription, 'fallback' | 'meaning'> => {
  const [found, fallback = ''] = DEFAULT.exec(text) ?? [];
  if (found === undefined) return { fallback, meaning: text };
  const [before = '', after = ''] = text.split(found).map((part) => part.trim());
  return { fallback, meaning: [before && `${before.replace(/[.;]$/, '')}.`, capital(after)].filter(Boolean).join(' ') };
};

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const typeOf = (schema: JsonSchema): string => {
  if (schema.anyOf) return schema.anyOf.map((option) => typeOf(option as JsonSchema)).join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(', ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items as JsonSchema)}`;
  return schema.type === 'integer' ? 'whole number' : String(schema.type);
};

const rangeOf = (schema: JsonSchema): string => {
  if (schema.anyOf)
    return schema.anyOf
      .map((option) => rangeOf(option as JsonSchema))
      .filter(Boolean)
      .join('; ');
  if (schema.type === 'array') {
    const each = rangeOf(schema.items as JsonSchema);
    return [`${span(schema.minItems, schema.maxItems)} entries`, each && `each ${each}`].filter(Boolean).join(', ');
  }
  if (schema.type === 'string' && !schema.enum && schema.const === undefined && schema.maxLength !== undefined) {
    return `at most ${schema.maxLength} characters`;
  }
  if (schema.exclusiveMinimum !== undefined) return `more than ${schema.exclusiveMinimum}, at most ${schema.maximum}`;
  return schema.minimum === undefined ? '' : span(schema.minimum, schema.maximum);
};

const span = (least: number | undefined, most: number | undefined): string => `${least ?? 0} to ${most ?? 'any'}`;
