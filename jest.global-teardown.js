export default async function tearDown() {
  const { tearDownStores } = await import('./packages/local/dist/jest-global-setup.js');
  await tearDownStores();
}
