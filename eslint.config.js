import { fileURLToPath } from 'node:url';
import js from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Each entry is a list of names, why they are forbidden, and whether types may still come from there. */
const forbid = (...entries) => [
  'error',
  { patterns: entries.map(([group, message, allowTypeImports = false]) => ({ group, message, allowTypeImports })) },
];

const DATABASE = [
  ['pg', '@prisma/*', 'prisma', '**/database/generated/**'],
  'Only repositories and the database folder talk to PostgreSQL.',
  true,
];
const BULLMQ = [['bullmq'], 'packages/queue is the only code that knows BullMQ.'];
const REDIS = [['ioredis'], 'Only packages/queue and repositories talk to Redis.'];
const NODE = [['node:*', 'fs', 'path', '@nestjs/*'], 'packages/shared also runs in browsers: it imports only zod.'];

/** Settings are read in one place per program. */
const noProcessEnv = {
  'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'Read settings in env.ts.' }],
};

export default tseslint.config(
  {
    ignores: [
      '**/dist/',
      '**/node_modules/',
      '**/generated/',
      '**/coverage/',
      '.local/',
      '.turbo/',
      'data/',
      'packages/tiny/base/',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{js,mjs}'],
    extends: [js.configs.recommended],
    languageOptions: { globals: globals.node },
  },
  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, tseslint.configs.recommended],
    languageOptions: {
      globals: globals.node,
      parserOptions: { projectService: { allowDefaultProject: ['*.ts', '*/*/*.config.ts'] }, tsconfigRootDir: root },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/require-await': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-restricted-imports': forbid(DATABASE, BULLMQ, REDIS),
      ...noProcessEnv,
    },
  },
  {
    // Decorators of Nest turn parameter types into values; there an import of a type may be needed at run time.
    files: ['packages/**/*.ts', 'apps/worker/**/*.ts'],
    rules: {
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', prefer: 'type-imports' },
      ],
    },
  },
  {
    files: ['packages/shared/src/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': forbid(DATABASE, BULLMQ, REDIS, NODE) },
  },
  {
    files: ['apps/api/src/dialects/*/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': forbid(
        [[...DATABASE[0], '**/database/**', '**/*.repository.js'], 'A dialect translates; it calls services.'],
        BULLMQ,
        REDIS,
        // What lies one level up is the folder of dialects, two levels up the domain.
        [['../*/**', '!../../**', '../../dialects/**'], 'A dialect knows no other dialect.'],
      ),
    },
  },
  {
    // The last two hold a connection of their own: LISTEN, and the check before the start.
    files: [
      'apps/api/src/**/*.repository.ts',
      'apps/api/src/database/**/*.ts',
      'apps/api/src/events/job-notifications.ts',
      'apps/api/src/prepare.ts',
    ],
    rules: { '@typescript-eslint/no-restricted-imports': forbid(BULLMQ) },
  },
  {
    files: [
      'packages/queue/**/*.ts',
      'packages/local/**/*.ts',
      '{apps,packages}/*/test/**/*.ts',
      'e2e/**/*.ts',
      'bench/**/*.ts',
      '**/*.spec.ts',
      '**/*.config.ts',
    ],
    rules: { '@typescript-eslint/no-restricted-imports': 'off' },
  },
  {
    files: [
      '**/env.ts',
      'packages/local/**/*.ts',
      '**/test/**/*.ts',
      '**/*.spec.ts',
      '**/*.config.ts',
      'e2e/**/*.ts',
      'bench/**',
      '**/scripts/**',
      'scripts/**',
    ],
    rules: { 'no-restricted-properties': 'off' },
  },
);
