import { existsSync } from 'node:fs';

const built = new URL('./packages/local/dist/jest-global-setup.js', import.meta.url);

/** Runs outside Jest's module system, so it needs the build of packages/local. */
export default async function setUp() {
  if (!existsSync(built)) throw new Error('Build first: `pnpm build`, or run the tests by `bin/test`.');
  const { default: setUpStores } = await import(built.href);
  await setUpStores();
}
