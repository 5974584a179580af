import { globSync } from 'node:fs';

/** Every folder with a configuration of its own; run one with `bin/test packages/queue`. */
const projects = globSync(
  ['packages/*/jest.config.js', 'apps/*/jest.config.js', 'e2e/jest.config.js', 'bench/jest.config.js'],
  {
    cwd: import.meta.dirname,
  },
);

export default {
  projects: projects.map((file) => `<rootDir>/${file}`).sort(),
  passWithNoTests: true,
  // Real processes on a busy machine; Jest ignores a limit that a single project sets.
  testTimeout: 60_000,
  // Modules of suites that are over stay in memory: one process for all of them runs out of it.
  workerIdleMemoryLimit: '1GB',
};
