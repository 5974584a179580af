import * as shared from '@influencerai/shared';
import { z } from 'zod';

type Direction = 'input' | 'output';
type JsonSchema = Record<string, unknown>;

/** Schemas by the name that the document gives them: `CreateJobSchema` is `CreateJob`. */
const named = Object.entries(shared).flatMap(([name, value]): [string, z.ZodType][] =>
  name.endsWith('Schema') && !name.endsWith('QuerySchema') && value instanceof z.ZodType
    ? [[name.replace(/Schema$/, ''), value]]
    : [],
);

// With an id, zod refers to a schema by it wherever it occurs. Queries have none: their fields become parameters.
for (const [id, schema] of named) z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), id });

const outputs = new Map<string, JsonSchema>(
  named.map(([name, schema]) => [name, toJsonSchema(schema, 'output').definitions[name] ?? {}]),
);

/** A schema as OpenAPI has it: itself, and the named schemas that it refers to. */
export function toComponents(schema: unknown, { schemaType }: { schemaType: Direction }) {
  if (!(schema instanceof z.ZodType)) return undefined;
  const { root, definitions } = toJsonSchema(schema, schemaType);
  const isRoot = (name: string) => root['$ref'] === `#/$defs/${name}`;
  const newName = (name: string) => nameFor(name, definitions[name], { isRoot: isRoot(name), direction: schemaType });
  const renamed = new Map(Object.keys(definitions).map((name) => [name, newName(name)]));
  const rename = <T>(value: T): T =>
    JSON.parse(JSON.stringify(value), (key, text: unknown) =>
      key === '$ref' && typeof text === 'string'
        ? text.replace(/#\/\$defs\/(\w+)/, (_, name: string) => `#/components/schemas/${renamed.get(name)}`)
        : text,
    ) as T;
  return {
    schema: rename(root),
    components: Object.fromEntries(
      Object.entries(definitions).map(([name, json]) => [renamed.get(name), rename(json)]),
    ),
  };
}

function toJsonSchema(schema: z.ZodType, io: Direction): { root: JsonSchema; definitions: Record<string, JsonSchema> } {
  const {
    $schema: _,
    $defs = {},
    ...root
  } = z.toJSONSchema(schema, { io, target: 'draft-2020-12', unrepresentable: 'any', override: simplify });
  return { root, definitions: $defs as Record<string, JsonSchema> };
}

/** Says only what is a promise: answers may gain members, and the bounds of JavaScript's integers are no rule of ours. */
function simplify({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}): void {
  const { def } = zodSchema._zod;
  if (def.type === 'object' && !def.catchall) delete jsonSchema.additionalProperties;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
}

/**
 * A schema that is read otherwise than it is written, since it has defaults, needs two names where it stands inside of
 * others. Whole bodies are never answers and keep theirs.
 */
function nameFor(
  name: string,
  json: JsonSchema | undefined,
  { isRoot, direction }: { isRoot: boolean; direction: Direction },
): string {
  // The one schema that refers to itself is that of free JSON, which zod cannot name.
  if (name.startsWith('__schema')) return 'JsonValue';
  const output = outputs.get(name);
  return direction === 'output' || isRoot || !output || JSON.stringify(output) === JSON.stringify(json)
    ? name
    : `${name}Input`;
}
