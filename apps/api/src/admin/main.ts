#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { APIError, ConnectionError, InfluencerAIClient } from '@influencerai/sdk';
import { type Arguments, COMMANDS } from './commands.js';
import { readAdminEnv } from './env.js';
import { render } from './render.js';

const option = { type: 'string' } as const;
const OPTIONS = {
  tenant: option,
  name: option,
  scopes: option,
  user: option,
  expires: option,
  overlap: option,
  concurrent: option,
  queued: option,
  storage: option,
  reads: option,
  writes: option,
  limit: option,
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const HELP = `Manages tenants, users and keys of the API at API_URL, with the operator's or administrator's key in API_KEY.

${Object.entries(COMMANDS)
  .map(([words, { usage, help }]) => `  bin/admin ${`${words} ${usage}`.trim()}\n      ${help}`)
  .join('\n')}

  --json prints what the API answers.
`;

class UsageError extends Error {
  override readonly name = 'UsageError';
}

async function main(): Promise<void> {
  const { values, positionals } = parse();
  const { json, help, ...options } = values;
  if (help || positionals.length === 0) return void process.stdout.write(HELP);
  const words = positionals.slice(0, 2).join(' ');
  const command = COMMANDS[words];
  const [, , subject, ...tooMuch] = positionals;
  if (!command || tooMuch.length > 0) throw new UsageError(`There is no command "${positionals.join(' ')}".`);
  if ((subject !== undefined) !== (command.needsSubject === true) || (command.needsTenant && !options.tenant))
    throw new UsageError(`Use it so: bin/admin ${words} ${command.usage}`);
  const { apiUrl, apiKey } = readAdminEnv();
  const client = new InfluencerAIClient({ baseUrl: apiUrl, apiKey });
  const answer = await command.run(client, { ...options, subject: subject ?? '' } satisfies Arguments);
  process.stdout.write(`${json ? JSON.stringify(answer, null, 2) : render(answer)}\n`);
}

function parse() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** One line that says what to do. */
function explain(error: unknown): string {
  if (error instanceof UsageError) return `${error.message} See bin/admin.`;
  if (error instanceof ConnectionError) return `${error.message} Is API_URL right?`;
  if (!(error instanceof APIError)) return error instanceof Error ? error.message : String(error);
  const fields = Object.entries(error.errors?.fieldErrors ?? {}).map(
    ([field, texts]) => `${field}: ${texts.join(' ')}`,
  );
  return [error.message, ...fields].join('\n  ');
}

main().catch((error: unknown) => {
  process.stderr.write(`admin: ${explain(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
