import { execa } from 'execa';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from './run-tool.js';

const UV_VERSION = '0.9.7';

/**
 * The host's uv, or one that is brought into the folder of trainers.
 * @throws InstallError
 */
export const findUv = async (trainersDir: string, say: (text: string) => void): Promise<string> => {
  const known = await execa('uv', ['--version'], { reject: false, stdin: 'ignore' });
  if (!known.failed) return 'uv';
  const venv = join(trainersDir, '.uv');
  const uv = join(venv, 'bin', 'uv');
  if (await isThere(uv)) return uv;
  say(`Bringing uv ${UV_VERSION} from PyPI, once …`);
  await mkdir(trainersDir, { recursive: true });
  await runTool('Making an environment for uv', 'python3', ['-m', 'venv', venv]);
  await runTool('Bringing uv', join(venv, 'bin', 'pip'), ['install', '--quiet', `uv==${UV_VERSION}`]);
  return uv;
};

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
