import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { contractHandler } from './support/contract-handler.js';
import { startServer } from './support/test-server.js';

const run = promisify(execFile);
const packageRoot = resolve(import.meta.dirname, '..');
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const nodeTypes = resolve(packageRoot, '../../node_modules/@types');

const STRICT = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false };
const COMMON = { ...STRICT, target: 'es2022', module: 'nodenext', outDir: 'out' };

/** What people have: a browser project with a bundler, and Node without the DOM. Neither knows zod or our sources. */
const PROJECTS = {
  browser: { ...COMMON, lib: ['es2022', 'dom', 'dom.iterable'], types: [] },
  node: { ...COMMON, lib: ['es2022', 'esnext.disposable'], types: ['node'], typeRoots: [nodeTypes] },
};

describe('the packed package', () => {
  let folder: string;
  let installed: string;
  let builds: Record<keyof typeof PROJECTS, Promise<void>>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sdk-package-'));
    installed = join(folder, 'node_modules/@influencerai/sdk');
    const tarball = await pack(join(folder, 'source'));
    await mkdir(installed, { recursive: true });
    await run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await cp(join(packageRoot, 'test/fixtures'), folder, { recursive: true });
    await writeFile(join(folder, 'readme-example.ts'), await readmeExample());
    builds = { node: compile('node'), browser: compile('browser') };
    await Promise.allSettled(Object.values(builds));
  }, 240_000);

  afterAll(() => rm(folder, { recursive: true }));

  /** Builds from the sources into a folder of its own, so that it neither needs nor disturbs the build in place. */
  async function pack(source: string): Promise<string> {
    await mkdir(source);
    await run(process.execPath, [join(packageRoot, 'scripts/build.ts'), join(source, 'dist')]);
    for (const file of ['package.json', 'README.md', 'LICENSE']) await cp(join(packageRoot, file), join(source, file));
    const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--silent'], { cwd: source });
    return join(source, stdout.trim());
  }

  async function compile(project: keyof typeof PROJECTS): Promise<void> {
    const config = { compilerOptions: PROJECTS[project], include: ['*.ts', '*.cts'] };
    const file = join(folder, `tsconfig.${project}.json`);
    await writeFile(file, JSON.stringify(config));
    await run(process.execPath, [tsc, '-p', file]).catch(({ stdout }: { stdout: string }) => {
      throw new Error(stdout);
    });
  }

  async function readmeExample(): Promise<string> {
    const readme = await readFile(join(packageRoot, 'README.md'), 'utf8');
    return /```ts\n([^]*?)```/.exec(readme)?.[1] ?? '';
  }

  /** The examples talk to localhost:3001; a proxy setting leads them to the test server, whatever runs there. */
  async function runAgainst(baseUrl: string, script: string): Promise<string> {
    const env = {
      ...process.env,
      NODE_OPTIONS: '',
      NODE_USE_ENV_PROXY: '1',
      HTTP_PROXY: baseUrl,
      http_proxy: baseUrl,
      NO_PROXY: '',
      no_proxy: '',
    };
    const { stdout } = await run(process.execPath, [join(folder, 'out', script)], { env });
    return stdout;
  }

  it('should hold nothing but the build, its manifest, manual and licence', async () => {
    expect((await readdir(installed)).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
    const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as Record<string, unknown>;
    expect(manifest['dependencies']).toBeUndefined();
    expect(manifest['peerDependencies']).toBeUndefined();
  });

  it.each(['index.js', 'cjs/index.js'])('should be small and import nothing: %s', async (file) => {
    const code = await readFile(join(installed, 'dist', file), 'utf8');
    expect((await stat(join(installed, 'dist', file))).size).toBeLessThan(64_000);
    expect(code).not.toMatch(/\bimport\s*[({'"]|\brequire\(|\bfrom\s+['"]|\bzod\b/);
  });

  it('should have declarations that stand alone', async () => {
    const files = (await readdir(join(installed, 'dist'), { recursive: true })).filter((name) =>
      name.endsWith('.d.ts'),
    );
    const texts = await Promise.all(files.map((name) => readFile(join(installed, 'dist', name), 'utf8')));
    const imports = texts.flatMap((text) =>
      [...text.matchAll(/(?:from|import\()\s*['"]([^'"]+)['"]/g)].map(([, name]) => name),
    );
    expect(imports.filter((name) => !name?.startsWith('.'))).toEqual([]);
  });

  it('should type-check in Node', () => builds.node);

  it('should type-check in a browser', () => builds.browser);

  it('should run the documented examples as they are printed', async () => {
    await using server = await startServer(contractHandler());
    await using other = await startServer(contractHandler());
    const runs = [runAgainst(server.baseUrl, 'usage-example.js'), runAgainst(other.baseUrl, 'readme-example.js')];
    expect(await Promise.all(runs)).toEqual([
      'Epoch 12/20\nTraining complete!\n',
      'Epoch 12/20\ndata/loras/a.safetensors\n',
    ]);
    const calls = server.received.map(({ method, path }) => `${method} ${path}`);
    expect(calls).toEqual(['POST /datasets', 'POST /lora-configs', 'POST /jobs', 'GET /jobs/job-1', 'GET /jobs/job-1']);
    expect(JSON.parse(server.received[2]?.body ?? '')).toEqual({
      type: 'lora-training',
      payload: { datasetId: 'dataset-1', loraConfigId: 'config-1' },
    });
  }, 60_000);

  it('should load in CommonJS', async () => {
    await using server = await startServer(contractHandler());
    const output = await runAgainst(server.baseUrl, 'require-example.cjs');
    expect(output).toBe(
      'running { currentEpoch: 12, totalEpochs: 20, loss: 0.02 }\n404 route_not_found Cannot GET /datasets/missing.\n',
    );
  });
});
