import type { GitUpstream } from '@influencerai/trainers';
import { execa } from 'execa';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InstallError } from './install-error.js';
import { runTool } from './run-tool.js';

export interface SourceInput {
  upstream: GitUpstream;
  /** Checkout, git directory or URL, in place of upstream's own. */
  from?: string;
  /** Folder to make. */
  target: string;
}

/**
 * The source of a trainer at its pinned commit, without history, as a checkout: trainers ask git for their commit.
 * @returns the files that the given copy lacks; a copy made without large files still trains what needs none of them
 * @throws InstallError
 */
export const fetchSource = async ({ upstream, from = upstream.url, target }: SourceInput): Promise<string[]> => {
  await mkdir(target, { recursive: true });
  await inTarget(target, 'init', '--quiet');
  const missing = (await isFolder(from))
    ? await copyFrom(from, upstream.commit, target)
    : await fetchFrom(from, upstream.commit, target);
  const needed = missing.filter((file) => file === upstream.mainFile || file.endsWith('.py'));
  if (needed.length > 0) throw new InstallError(`${from} lacks ${needed.slice(0, 5).join(', ')}: take a full clone.`);
  return missing;
};

const inTarget = (target: string, ...args: string[]): Promise<string> =>
  runTool('Fetching the source', 'git', ['-C', target, ...args]);

const fetchFrom = async (url: string, commit: string, target: string): Promise<string[]> => {
  await inTarget(target, 'fetch', '--quiet', '--depth', '1', url, commit);
  await inTarget(target, '-c', 'advice.detachedHead=false', 'checkout', '--quiet', 'FETCH_HEAD');
  return [];
};

/** Reads the objects of a repository on this disk directly: git refuses to fetch from one that lacks any. */
const copyFrom = async (from: string, commit: string, target: string): Promise<string[]> => {
  const found = await execa('git', ['-C', from, 'rev-parse', '--absolute-git-dir'], { reject: false, stdin: 'ignore' });
  if (found.failed) throw new InstallError(`${from} is no git repository: name a clone or a mirror of the trainer.`);
  const git = ['--git-dir', found.stdout, '--work-tree', target, '-C', target];
  const env = { GIT_INDEX_FILE: join(target, '.git', 'index'), GIT_NO_LAZY_FETCH: '1' };
  const known = await execa('git', [...git, 'cat-file', '-e', `${commit}^{commit}`], { reject: false, env });
  if (known.failed) throw new InstallError(`${from} does not hold the pinned commit ${commit}: fetch it there.`);
  await runTool('Reading the source', 'git', [...git, 'read-tree', commit], env);
  // Fails when a file is not there, and writes all others.
  await execa('git', [...git, 'checkout-index', '--all', '--force', '--quiet'], { reject: false, env });
  await writeFile(join(target, '.git', 'HEAD'), `${commit}\n`);
  return (await inTarget(target, 'ls-files', '--deleted')).split('\n').filter((file) => file !== '');
};

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
