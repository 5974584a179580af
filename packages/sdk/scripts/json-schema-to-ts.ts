/** The part of JSON Schema that zod writes for our schemas. `tsName` stands in place of the structure where it is set. */
export interface JsonSchema {
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  required?: string[];
  description?: string;
  $ref?: string;
  tsName?: string;
}

const PRIMITIVES: Record<string, string> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  null: 'null',
};

/** Prints one schema as a TypeScript type. */
export function toTypeScript(schema: JsonSchema, indent = ''): string {
  if (schema.tsName) return schema.tsName;
  if (schema.$ref) return 'JsonValue'; // The one recursive schema is that of free JSON.
  if (schema.const !== undefined) return literal(schema.const);
  if (schema.enum) return schema.enum.map(literal).join(' | ');
  const members = schema.anyOf ?? schema.oneOf;
  // Beside properties they only say which of those belong together.
  if (members && !schema.properties) return union(members, indent);
  if (Array.isArray(schema.type))
    return union(
      schema.type.map((type) => ({ ...schema, type })),
      indent,
    );
  if (schema.type === 'array') return arrayOf(toTypeScript(schema.items ?? {}, indent));
  if (schema.properties) return object(schema, indent);
  if (schema.type === 'object') return recordOf(schema.additionalProperties, indent);
  if (Object.keys(schema).length === 0) return 'JsonValue'; // Free JSON whose values the schemas do not walk.
  const primitive = PRIMITIVES[schema.type ?? ''];
  if (!primitive) throw new Error(`No TypeScript for ${JSON.stringify(schema)}.`);
  return primitive;
}

const union = (members: JsonSchema[], indent: string): string =>
  members.map((member) => toTypeScript(member, indent)).join(' | ');

function object(schema: JsonSchema, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const mark = schema.required?.includes(name) ? '' : '?';
    return [...docstring(property, inner), `${inner}${name}${mark}: ${toTypeScript(property, inner)};`];
  });
  return ['{', ...lines, `${indent}}`].join('\n');
}

const docstring = ({ description }: JsonSchema, indent: string): string[] =>
  description ? [`${indent}/** ${description} */`] : [];

const arrayOf = (item: string): string => (item.includes(' ') && !item.startsWith('{') ? `(${item})[]` : `${item}[]`);

function recordOf(values: JsonSchema | boolean | undefined, indent: string): string {
  const value = typeof values === 'object' ? toTypeScript(values, indent) : 'JsonValue';
  return value === 'JsonValue' ? 'JsonObject' : `Record<string, ${value}>`;
}

const literal = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : String(value));
