import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Job } from '@influencerai/shared';
import { createApp } from '../src/create-app.js';
import { readConfig } from '../src/env.js';
import { JobsFixture } from './jobs-fixture.js';
import { startTestApp, type TestApp } from './test-app.js';

const MODELS = `
models:
  house-style:
    trainer: ai-toolkit
    arch: flux
    model: flux
  house-words:
    trainer: trl
    model: words
`;

describe('MODELS_FILE', () => {
  let api: TestApp;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'models-test-'));
    await writeFile(join(folder, 'models.yaml'), MODELS);
    api = await startTestApp({ env: { MODELS_FILE: join(folder, 'models.yaml') } });
  });
  afterAll(async () => {
    await api.close();
    await rm(folder, { recursive: true });
  });

  it.each([
    ['a model that it names', 'House-Style', 'ai-toolkit'],
    ['another', 'someone/else', 'kohya'],
  ])('should say who trains %s', async (_, modelName, trainer) => {
    const fixture = await JobsFixture.create(api, `tenant_${trainer}`, { modelName });
    expect((await fixture.submit()).trainer).toBe(trainer);
  });

  it('should say what a model learns from', async () => {
    const fixture = await JobsFixture.create(api, 'tenant_words', { modelName: 'house-words' });
    const answer = await api.send<Job>('POST /jobs', { tenant: fixture.tenant, body: fixture.submission });
    expect([answer.status, answer.problem.code]).toEqual([409, 'dataset_kind_mismatch']);
  });

  it.each([
    ['is not there', 'missing.yaml', /missing\.yaml, as MODELS_FILE names it: ENOENT/],
    ['is wrong', 'wrong.yaml', /wrong\.yaml, as MODELS_FILE names it: not usable\.\n.*colour/s],
  ])('should not start when the file %s', async (_, name, message) => {
    await writeFile(join(folder, 'wrong.yaml'), 'models: { a: { trainer: trl, model: x, colour: red } }');
    const config = readConfig({ DATABASE_URL: api.database.url, MODELS_FILE: join(folder, name) });
    await expect(createApp(config)).rejects.toThrow(message);
  });
});
