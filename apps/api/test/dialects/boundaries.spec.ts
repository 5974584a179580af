import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { ESLint } from 'eslint';

const cwd = fileURLToPath(new URL('../../../../', import.meta.url));
const eslint = new ESLint({
  cwd,
  overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
  ruleFilter: ({ ruleId }) => ruleId === '@typescript-eslint/no-restricted-imports',
});

/** What lint says of an import in a dialect. */
const complaints = async (from: string): Promise<string[]> => {
  const filePath = `${cwd}apps/api/src/dialects/submit/submit.controller.ts`;
  const [result] = await eslint.lintText(`import { x } from '${from}';\nx();\n`, { filePath });
  return result?.messages.map(({ message }) => message) ?? [];
};

describe('a dialect', () => {
  it.each([
    'pg',
    '@prisma/client',
    'ioredis',
    'bullmq',
    '../../database/database.js',
    '../../jobs/jobs.repository.js',
    '../sessions/sessions.mapper.js',
    '../sessions/sessions.controller.js',
    '../../dialects/sessions/sessions.schema.js',
  ])('should not import %s', async (from) => expect(await complaints(from)).toHaveLength(1));

  it.each([
    '../../jobs/jobs.service.js',
    '../../http/face.js',
    '../dialect.js',
    './submit.mapper.js',
    '@influencerai/shared',
  ])('may import %s', async (from) => expect(await complaints(from)).toEqual([]));
});
