import { execFile } from 'node:child_process';
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { REPO_ROOT } from '@influencerai/local';
import { decodeSafetensors } from '@influencerai/tiny';
import { examplesOf } from '../scripts/extract-examples.ts';
import { Stack } from './support/stack.js';

jest.setTimeout(120_000);

const run = promisify(execFile);

/** The path of a first visitor, with the shell script of the 002 contract; only the port differs. */
describe('from dataset to LoRA', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.start({ queue: 'postgres', environment: { TRAINER_FALLBACK: 'tiny' } });
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  it('should carry the contract’s workflow script to its end', async () => {
    const script = await readFile(new URL('./fixtures/workflow.sh', import.meta.url), 'utf8');
    const file = stack.path('workflow.sh');
    await writeFile(file, script.replace('http://localhost:3001', stack.apiUrl).replace('sleep 10', 'sleep 1'));
    const { stdout } = await run('bash', [file]);

    expect(stdout).toContain('Training completed!');
    const loraPath = /LoRA saved to: (\S+)/.exec(stdout)?.[1] ?? '';
    expect(loraPath).toMatch(/^data\/loras\/.+-final\.safetensors$/);
    await expectALearnedLora(loraPath);
  });

  it('should carry the README’s session with curl to its end', async () => {
    const file = stack.path('session.sh');
    await writeFile(file, readmeExample('readme-session'));
    const { stdout } = await run('bash', ['-e', file], {
      cwd: stack.folder,
      env: { ...process.env, API_URL: stack.apiUrl },
    });
    expect(stdout).toContain('completed');
    expect((await stat(stack.path('first-lora.safetensors'))).size).toBeGreaterThan(10_000);
  });

  it('should carry the README’s session with the SDK to its end', async () => {
    await mkdir(stack.path('node_modules/@influencerai'), { recursive: true });
    await symlink(path.join(REPO_ROOT, 'packages/sdk'), stack.path('node_modules/@influencerai/sdk'));
    await writeFile(stack.path('session.mts'), readmeExample('readme-sdk'));
    const { stdout } = await run(process.execPath, ['session.mts'], {
      cwd: stack.folder,
      env: { ...process.env, API_URL: stack.apiUrl },
    });
    expect(stdout).toMatch(/data\/loras\/\S+-final\.safetensors/);
  });

  const readmeExample = (name: string): string =>
    examplesOf('README.md').get(name)?.code ?? `README.md has no example ${name}`;

  async function expectALearnedLora(loraPath: string): Promise<void> {
    const client = stack.client('tenant_demo');
    const { data } = await client.jobs.list();
    const job = data[0];
    const result = job?.result as { finalLoss: number; initialLoss: number; trainer: string; note: string };
    expect(result).toMatchObject({ trainer: 'tiny', note: expect.stringContaining('kohya') });
    expect(result.finalLoss).toBeLessThan(result.initialLoss * 0.9);

    const { metadata, tensors } = decodeSafetensors(await readFile(stack.path(loraPath)));
    expect(metadata).toMatchObject({ ss_network_dim: '16', ss_network_alpha: '8' });
    expect(Object.keys(tensors).some((name) => name.endsWith('lora_down.weight'))).toBe(true);

    const artifacts = await client.jobs.artifacts(job?.id ?? '');
    expect(new Set(artifacts.data.map((artifact) => artifact.kind))).toEqual(
      new Set(['lora', 'checkpoint', 'sample', 'loss-curve']),
    );
    const curve = await client.jobs.metrics(job?.id ?? '');
    expect(curve.total).toBe(260);
  }
});
