/** Writes docs/openapi.json and docs/openapi/<face>.json: the OpenAPI documents, made from the code without a database. */
import { loadBuilt } from './built.ts';
import { writeGenerated } from './write-generated.ts';

type Env = typeof import('../apps/api/src/env.ts');
type CreateApp = typeof import('../apps/api/src/create-app.ts');
type Dialects = typeof import('../apps/api/src/dialects/dialects.ts');
type OpenApi = typeof import('../apps/api/src/http/openapi-document.ts');

const { readConfig } = await loadBuilt<Env>('apps/api/dist/env.js');
const { createApp } = await loadBuilt<CreateApp>('apps/api/dist/create-app.js');
const { DIALECTS } = await loadBuilt<Dialects>('apps/api/dist/dialects/dialects.js');
const { createDocument, createFaceDocument } = await loadBuilt<OpenApi>('apps/api/dist/http/openapi-document.js');

/** Objects with their keys in order; lists stay as they are. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, child]) => [key, sorted(child)]));
}

// Nothing connects before the application is initialised, which making the document does not need.
const app = await createApp(readConfig({ DATABASE_URL: 'postgresql://nobody@localhost/none', LOG_LEVEL: 'silent' }));
await writeGenerated('docs/openapi.json', JSON.stringify(sorted(createDocument(app, DIALECTS))));
for (const dialect of DIALECTS) {
  const file = `docs/openapi/${dialect.face.name}.json`;
  await writeGenerated(file, JSON.stringify(sorted(createFaceDocument(app, dialect))));
}
process.exit(0);
