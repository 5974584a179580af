/**
 * Checks docker-compose.yml: against the JSON schema of the compose specification (the copy that the package dclint
 * carries), against the rules of this project, and against what it names: Dockerfiles, settings, variables.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { inRepo } from './built.ts';
import { type ComposeFile, isOneShot, problemsOf, problemsOfDockerfile, variablesOf } from './compose-rules.ts';

const COMPOSE = 'docker-compose.yml';
const EXAMPLE = 'docker/env.example';
const OWN = ['api', 'migrate', 'worker', 'worker-gpu'];
/** Read by the container runtime, not by us. */
const FOREIGN = ['NVIDIA_DRIVER_CAPABILITIES'];

const read = (file: string): string => readFileSync(inRepo(file), 'utf8');

function schemaProblems(file: unknown): string[] {
  const folder = dirname(createRequire(import.meta.url).resolve('dclint/package.json'));
  const schema = JSON.parse(readFileSync(join(folder, 'schemas/compose.schema.json'), 'utf8')) as { $schema?: string };
  // Draft 7 under an address that Ajv does not know it by.
  delete schema.$schema;
  const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
  if (validate(file)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath}: ${message} ${JSON.stringify(params)}`,
  );
}

function dockerfileProblems(file: ComposeFile): string[] {
  const { version } = (JSON.parse(read('package.json')) as { devEngines: { packageManager: { version: string } } })
    .devEngines.packageManager;
  return Object.entries(file.services).flatMap(([name, { build }]) => {
    if (!build?.dockerfile) return [];
    const text = read(build.dockerfile);
    const problems = problemsOfDockerfile(text, { target: build.target, isOneShot: isOneShot(name, file) });
    if (!text.includes(`pnpm@${version}\n`)) problems.push(`must install pnpm@${version}, as package.json does`);
    return problems.map((problem) => `${build.dockerfile} for ${name}: ${problem}`);
  });
}

/** Every setting of our own services is one that their schemas know, which .env.example lists. */
function settingProblems({ services }: ComposeFile): string[] {
  const known = [...read('.env.example').matchAll(/^(?:# )?([A-Z0-9_]+)=/gm)].map(([, name]) => name);
  return OWN.flatMap((service) =>
    Object.keys(services[service]?.environment ?? {})
      .filter((name) => !known.includes(name) && !FOREIGN.includes(name))
      .map((name) => `${service}: the setting ${name} is not known`),
  );
}

function variableProblems(text: string): string[] {
  const listed = [...read(EXAMPLE).matchAll(/^(?:# )?([A-Z0-9_]+)=/gm)].map(([, name = '']) => name);
  const used = variablesOf(text);
  return [
    ...used.filter((name) => !listed.includes(name)).map((name) => `${EXAMPLE} lacks ${name}`),
    ...listed.filter((name) => !used.includes(name)).map((name) => `${EXAMPLE} has ${name}, which nothing uses`),
  ];
}

const text = read(COMPOSE);
const file = parse(text, { merge: true }) as ComposeFile;
const problems = [
  ...schemaProblems(file),
  ...problemsOf(file),
  ...dockerfileProblems(file),
  ...settingProblems(file),
  ...variableProblems(text),
];
for (const problem of problems) console.error(`${COMPOSE}: ${problem}`);
if (problems.length > 0) process.exit(1);
console.log(`${COMPOSE} keeps to the compose specification and to the rules of this project.`);
