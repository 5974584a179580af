import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { aSpec, Host } from './host.js';
import { until } from './until.js';

const JOB_ID = '00000000-0000-4000-8000-000000000001';
const TOKEN = 'hf_canaryCanaryCanary';
const PASSWORD = 'p@ss:canary';
const PROXY_PASSWORD = 'proxyCanary';
const ENDPOINT = `https://user:${encodeURIComponent(PASSWORD)}@hub.example.com`;

/** In place of Python: tells all that it was given, in every way that reaches the API. */
const LEAKY_PYTHON = `#!/usr/bin/env node
const { HF_TOKEN: token, HF_ENDPOINT: endpoint, HTTPS_PROXY: proxy, NCCL_DEBUG: debug } = process.env;
if (process.argv.includes('--doctor')) {
  console.log(JSON.stringify({ canStart: token === undefined, problem: 'the token is ' + token }));
  process.exit();
}
const emit = (event) => console.log(JSON.stringify(event));
emit({ event: 'start', step: 0, totalSteps: 2, totalEpochs: 1 });
emit({ event: 'warning', message: 'the token is ' + token });
emit({ event: 'error', code: 'trainer_crashed', message: 'no access with ' + token, hint: 'try ' + endpoint });
console.log('stdout ' + token);
console.log('proxy ' + proxy + ', debug ' + debug);
process.stderr.write('10% ' + token + '\\r20% ' + token + '\\rlast words: ' + token + ' at ' + endpoint + '\\n', () => process.exit(1));
`;

let host: Host;

beforeEach(async () => {
  host = await Host.open();
  const venv = join(host.dir, 'trainers/trl/venv/bin');
  await mkdir(venv, { recursive: true });
  await writeFile(join(venv, 'python'), LEAKY_PYTHON, { mode: 0o755 });
  await writeFile(join(host.dir, 'trainers/trl/installed.json'), '{}');
});

afterEach(() => host.close());

const variables = () => ({
  TRAINERS_DIR: join(host.dir, 'trainers'),
  HF_TOKEN: TOKEN,
  HF_ENDPOINT: ENDPOINT,
  https_proxy: `http://me:${PROXY_PASSWORD}@proxy.example.com:3128`,
  NCCL_DEBUG: 'INFO',
  KEEP_WORKSPACES: '1',
});

const anLlmJob = (baseModel: string) =>
  host.api.addJob(JOB_ID, aSpec({ trainer: 'trl', requestedTrainer: 'trl', baseModel }));

/** Every file that the worker wrote, and all that the API was told. */
const everything = async (job: object): Promise<string> => {
  const files = await readdir(host.workerDir, { recursive: true, withFileTypes: true });
  const texts = files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), 'utf8'));
  return [JSON.stringify(job), ...(await Promise.all(texts))].join('\n');
};

describe('what is for the hub', () => {
  it('should reach a trainer that downloads, and nothing that it prints', async () => {
    const job = anLlmJob('Qwen/Qwen2.5-0.5B');
    const agent = await host.startAgent(variables());
    await until('the job to fail', () => job.status === 'failed' && job.logs.some(({ text }) => /^Failed/.test(text)));
    const texts = job.logs.map(({ text }) => text);
    expect(texts).toEqual(
      expect.arrayContaining([
        'stdout [secret]',
        'proxy http://me:[secret]@proxy.example.com:3128, debug INFO',
        'last words: [secret] at https://user:[secret]@hub.example.com',
        expect.stringContaining('the token is [secret]'),
      ]),
    );
    // By then it has put its files where they stay.
    await host.drain(agent);
    const all = await everything(job);
    for (const secret of [TOKEN, PASSWORD, encodeURIComponent(PASSWORD), PROXY_PASSWORD])
      expect(all).not.toContain(secret);
  });

  it('should not reach a trainer whose model lies on this host', async () => {
    await writeFile(
      join(host.dir, 'models.yaml'),
      JSON.stringify({ models: { house: { trainer: 'trl', model: host.dir } } }),
    );
    const job = anLlmJob('house');
    await host.startAgent({ ...variables(), MODELS_FILE: join(host.dir, 'models.yaml') });
    await until('the job to fail', () => job.status === 'failed' && job.logs.some(({ text }) => /^Failed/.test(text)));
    expect(job.logs.map(({ text }) => text)).toEqual(
      expect.arrayContaining(['stdout undefined', 'proxy undefined, debug INFO']),
    );
  });

  it('should not reach the built-in trainer', async () => {
    const job = host.api.addJob(JOB_ID, aSpec());
    await host.startAgent(variables());
    await until('the job to complete', () => job.status === 'completed');
    expect(job.logs.find(({ text }) => text.startsWith('environment: '))?.text).not.toMatch(/HF_TOKEN|HF_ENDPOINT/);
  });

  it('should give no job a model of the hub that the registry does not name, where the operator says so', async () => {
    const job = anLlmJob('Qwen/Qwen2.5-0.5B');
    await host.startAgent({ ...variables(), HUB_MODELS: 'registry' });
    await until('the job to come back', () => job.ends.length > 0);
    expect(job).toMatchObject({ status: 'pending', refusals: [expect.stringContaining('HUB_MODELS')] });
  });
});
