import { fileURLToPath } from 'node:url';

const fromRoot = (file) => fileURLToPath(new URL(file, import.meta.url));

/** Packages whose tests need neither PostgreSQL nor Redis. */
const PURE = ['shared', 'retrieval', 'sdk', 'tiny', 'trainers'];

const stores = { globalSetup: fromRoot('jest.global-setup.js'), globalTeardown: fromRoot('jest.global-teardown.js') };

/** Shared by every package: ES modules, SWC, sources of the sibling packages rather than their builds. */
export const preset = (displayName, overrides = {}) => ({
  displayName,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { swcrc: false, ...swc }] },
  moduleNameMapper: {
    '^@influencerai/(shared|queue|trainers|local)$': '<rootDir>/../../packages/$1/src/index.ts',
    '^@influencerai/sdk$': '<rootDir>/../../packages/sdk/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  ...(PURE.includes(displayName) ? {} : stores),
  testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/**/*spec.ts'],
  ...overrides,
});

const swc = {
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    target: 'es2024',
    keepClassNames: true,
  },
  module: { type: 'es6' },
  sourceMaps: 'inline',
};
