import { createScratchDatabase, withClient } from './databases.js';
import { applyMigrations, SCHEMA_FILES, scriptFromEmpty } from './migrate.js';

/** One line per thing that schema.prisma can say; partial and expression indexes, checks and triggers are the migrations' own. */
const DESCRIBE = `
  select format('enum %s (%s)', t.typname, string_agg(e.enumlabel, ', ' order by e.enumsortorder)) as line
  from pg_type t join pg_enum e on e.enumtypid = t.oid
  where t.typnamespace = 'public'::regnamespace group by t.typname
  union all
  select format('column %s.%s %s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
    case when a.attnotnull then ' not null' else '' end,
    coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''))
  from pg_class c join pg_attribute a on a.attrelid = c.oid left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
    and c.relname <> '_prisma_migrations'
  union all
  select pg_get_indexdef(i.indexrelid) from pg_index i join pg_class c on c.oid = i.indrelid
  where c.relnamespace = 'public'::regnamespace and i.indpred is null and i.indexprs is null
    and c.relname <> '_prisma_migrations'
  union all
  select format('constraint %s.%s %s', c.relname, k.conname, pg_get_constraintdef(k.oid))
  from pg_constraint k join pg_class c on c.oid = k.conrelid
  where c.relnamespace = 'public'::regnamespace and k.contype in ('p', 'u', 'f') and c.relname <> '_prisma_migrations'`;

const describeDatabase = (url: string): Promise<Set<string>> =>
  withClient(url, async (client) => {
    const { rows } = await client.query<{ line: string }>(DESCRIBE);
    return new Set(rows.map((row) => row.line));
  });

/**
 * Compares what the migrations make with what schema.prisma asks for, in two scratch databases of the server. Empty when
 * they agree; else lines that begin with `-` (the migrations lack it) or `+` (the schema does not know it).
 */
export const findSchemaDrift = async (serverUrl: string, files = SCHEMA_FILES): Promise<string[]> => {
  await using migrated = await createScratchDatabase(serverUrl);
  await using declared = await createScratchDatabase(serverUrl);
  await applyMigrations(migrated.url, files);
  const script = await scriptFromEmpty(declared.url, files);
  await withClient(declared.url, (client) => client.query(script));
  const [has, wants] = await Promise.all([describeDatabase(migrated.url), describeDatabase(declared.url)]);
  const missing = [...wants].filter((line) => !has.has(line)).map((line) => `- ${line}`);
  const unknown = [...has].filter((line) => !wants.has(line)).map((line) => `+ ${line}`);
  return [...missing, ...unknown].sort();
};
