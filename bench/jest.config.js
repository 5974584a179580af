import { preset } from '../jest.preset.js';

export default preset('bench', { testMatch: ['<rootDir>/*.spec.ts'] });
