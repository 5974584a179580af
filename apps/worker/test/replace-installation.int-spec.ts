import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTrainer } from '../src/install/install-trainer.js';
import { replaceInstallation } from '../src/install/replace-installation.js';
import { until } from './until.js';

let dir: string;
let running: ChildProcess | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'installed-'));
  await install('trl', 'old');
  await install('.trl.installing-1', 'new');
});

afterEach(async () => {
  await end();
  await rm(dir, { recursive: true, force: true });
});

/** A Python that does nothing but stay. */
const install = async (name: string, version: string): Promise<void> => {
  await mkdir(join(dir, name, 'venv/bin'), { recursive: true });
  await symlink('/bin/sleep', join(dir, name, 'venv/bin/python'));
  await writeFile(join(dir, name, 'installed.json'), version);
};

const start = async (program = join(dir, 'trl/venv/bin/python')): Promise<void> => {
  running = spawn(program, ['600'], { stdio: 'ignore' });
  await once(running, 'spawn');
};

const end = async (): Promise<void> => {
  if (running?.kill('SIGKILL')) await once(running, 'exit');
  running = undefined;
};

const version = (): Promise<string> => readFile(join(dir, 'trl/installed.json'), 'utf8');

const replace = (said: string[]): Promise<void> =>
  replaceInstallation(join(dir, 'trl'), join(dir, '.trl.installing-1'), (text) => said.push(text));

describe('an installation that is replaced', () => {
  it('should stay as it is for as long as a trainer runs in it', async () => {
    await start();
    const said: string[] = [];
    const replaced = replace(said);
    await until('it to say what it waits for', () => said.length > 0);
    expect(said).toEqual([expect.stringContaining(`process ${running?.pid}`)]);
    expect(await version()).toBe('old');
    await end();
    await replaced;
    expect(await version()).toBe('new');
  });

  it('should be known by any path that leads to it', async () => {
    await symlink(dir, join(dir, 'link'));
    await start(join(dir, 'link/trl/venv/bin/python'));
    await expect(removeTrainer(join(dir, 'trl'))).rejects.toThrow(`Process ${running?.pid} runs in`);
    expect(await version()).toBe('old');
  });

  it('should not wait for what runs elsewhere', async () => {
    await install('kohya', 'old');
    await start(join(dir, 'kohya/venv/bin/python'));
    const said: string[] = [];
    await replace(said);
    expect(said).toEqual([]);
    expect(await version()).toBe('new');
  });
});
