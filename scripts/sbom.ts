/** Writes .local/sbom.cdx.json, a CycloneDX list of all that ships, from the lock file; fails when it is not whole. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { inRepo } from './built.ts';

interface Component {
  name: string;
  version: string;
  purl?: string;
}

const file = inRepo('.local/sbom.cdx.json');
mkdirSync(inRepo('.local'), { recursive: true });
const options = ['--sbom-format', 'cyclonedx', '--sbom-spec-version', '1.6', '--sbom-type', 'application'];
execFileSync('pnpm', ['sbom', ...options, '--prod', '--out', file], {
  cwd: inRepo('.'),
  stdio: ['ignore', 'ignore', 'inherit'],
});

const { bomFormat, components } = JSON.parse(readFileSync(file, 'utf8')) as {
  bomFormat: string;
  components: Component[];
};
const named = new Set(components.map(({ name }) => name));
const missing = ['fastify', 'pg', 'bullmq', 'sharp', 'zod'].filter((name) => !named.has(name));
if (bomFormat !== 'CycloneDX' || missing.length > 0)
  throw new Error(`The list lacks ${missing.join(', ') || 'its format'}.`);
const unnamed = components.filter(({ version, purl }) => !version || !purl?.startsWith('pkg:'));
if (unnamed.length > 0) throw new Error(`Without version or address: ${unnamed.map(({ name }) => name).join(', ')}.`);
process.stdout.write(`${components.length} components in .local/sbom.cdx.json\n`);
