/**
 * Builds the package: one bundle and its declarations as ES modules in `dist`, the same as CommonJS in `dist/cjs`.
 * Everything is made in a folder beside the target and moved there at the end, so that others never see half a build.
 * Usage: node scripts/build.ts [target]
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { build, type BuildOptions } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const target = resolve(process.argv[2] ?? join(root, 'dist'));
const staging = `${target}-${process.pid}`;

const shared: BuildOptions = {
  absWorkingDir: root,
  entryPoints: ['src/index.ts'],
  bundle: true,
  platform: 'neutral',
  target: ['es2022', 'node20'],
  sourcemap: true,
  logLevel: 'warning',
};

function emitDeclarations(outDir: string): void {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', outDir];
  execFileSync(process.execPath, args, { stdio: 'inherit' });
}

mkdirSync(staging, { recursive: true });
try {
  await Promise.all([
    build({ ...shared, format: 'esm', outfile: join(staging, 'index.js') }),
    build({ ...shared, format: 'cjs', outfile: join(staging, 'cjs/index.js') }),
  ]);
  emitDeclarations(join(staging, 'types'));
  cpSync(join(staging, 'types'), join(staging, 'cjs'), { recursive: true });
  cpSync(join(staging, 'types'), staging, { recursive: true });
  rmSync(join(staging, 'types'), { recursive: true });
  writeFileSync(join(staging, 'cjs/package.json'), '{ "type": "commonjs" }\n');
  rmSync(target, { recursive: true, force: true });
  renameSync(staging, target);
} finally {
  rmSync(staging, { recursive: true, force: true });
}
