import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { ESLint } from 'eslint';

const cwd = fileURLToPath(new URL('../../../../', import.meta.url));
const eslint = new ESLint({
  cwd,
  overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
  ruleFilter: ({ ruleId }) => ruleId === '@typescript-eslint/no-restricted-imports',
});

const DIALECTS = 'apps/api/src/dialects';
const FACES = readdirSync(`${cwd}${DIALECTS}`, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

/** What lint says of an import in a dialect. */
const complaints = async (face: string, from: string): Promise<string[]> => {
  const filePath = `${cwd}${DIALECTS}/${face}/${face}.mapper.ts`;
  const [result] = await eslint.lintText(`import { x } from '${from}';\nx();\n`, { filePath });
  return result?.messages.map(({ message }) => message) ?? [];
};

it('should look at every dialect', () => expect(FACES).toEqual(['manager', 'qlora', 'sessions', 'submit']));

describe.each(FACES)('the dialect %s', (face) => {
  const ofOthers = FACES.filter((name) => name !== face).flatMap((other) => [
    `../${other}/${other}.mapper.js`,
    `../${other}/${other}.controller.js`,
    `../../dialects/${other}/${other}.schema.js`,
  ]);

  it.each([
    'pg',
    '@prisma/client',
    'ioredis',
    'bullmq',
    '../../database/database.js',
    '../../jobs/jobs.repository.js',
    ...ofOthers,
  ])('should not import %s', async (from) => expect(await complaints(face, from)).toHaveLength(1));

  it.each([
    '../../jobs/jobs.service.js',
    '../../http/face.js',
    '../dialect.js',
    '../fastapi-errors.js',
    `./${face}.mapper.js`,
    '@influencerai/shared',
  ])('may import %s', async (from) => expect(await complaints(face, from)).toEqual([]));
});
