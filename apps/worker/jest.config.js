import { preset } from '../../jest.preset.js';

export default preset('worker', { testTimeout: 60_000 });
