/** Writes docs/openapi.json: the OpenAPI document of the native API, made from the code without a database. */
import { loadBuilt } from './built.ts';
import { writeGenerated } from './write-generated.ts';

type Env = typeof import('../apps/api/src/env.ts');
type CreateApp = typeof import('../apps/api/src/create-app.ts');
type OpenApi = typeof import('../apps/api/src/http/openapi.ts');

const { readConfig } = await loadBuilt<Env>('apps/api/dist/env.js');
const { createApp } = await loadBuilt<CreateApp>('apps/api/dist/create-app.js');
const { createDocument } = await loadBuilt<OpenApi>('apps/api/dist/http/openapi.js');

/** Objects with their keys in order; lists stay as they are. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, child]) => [key, sorted(child)]));
}

// Nothing connects before the application is initialised, which making the document does not need.
const app = await createApp(readConfig({ DATABASE_URL: 'postgresql://nobody@localhost/none', LOG_LEVEL: 'silent' }));
await writeGenerated('docs/openapi.json', JSON.stringify(sorted(createDocument(app))));
process.exit(0);
