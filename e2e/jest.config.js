import { preset } from '../jest.preset.js';

export default preset('e2e', {
  testMatch: ['<rootDir>/**/*.e2e-spec.ts'],
  // The system under test runs from its builds; so does what drives it.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
});
