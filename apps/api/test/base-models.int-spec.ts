import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ModelList } from '@influencerai/shared';
import { BaseModelsService } from '../src/base-models/base-models.service.js';
import { startTestApp, type TestApp } from './test-app.js';

const INDEX = JSON.stringify({ weight_map: { a: 'one.safetensors', b: 'two.safetensors' } });

describe('GET /models', () => {
  let folder: string;
  let api: TestApp;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hub-'));
    const file = join(folder, 'models.yaml');
    await writeFile(
      file,
      'models:\n  our-model:\n    trainer: trl\n    model: /srv/ours\n  org/known:\n    trainer: trl\n    model: /srv/known\n',
    );
    await snapshot('models--org--whole', 'c1', { 'config.json': '{}', 'model.safetensors': 'x' });
    await snapshot('models--org--known', 'c1', { 'config.json': '{}', 'model.safetensors': 'x' });
    await snapshot('models--gpt2', 'c1', { 'config.json': '{}', 'pytorch_model.bin': 'x' });
    await snapshot('models--org--pipeline', 'c1', { 'model_index.json': '{}', 'unet/weights.safetensors': 'x' });
    const sharded = { 'config.json': '{}', 'model.safetensors.index.json': INDEX, 'one.safetensors': 'x' };
    await snapshot('models--org--sharded', 'c1', { ...sharded, 'two.safetensors': 'x' });
    await snapshot('models--org--half', 'c1', sharded);
    await snapshot('models--org--no-weights', 'c1', { 'config.json': '{}' });
    await snapshot('models--org--no-config', 'c1', { 'model.safetensors': 'x' });
    await snapshot('models--org--broken', 'c1', { 'config.json': '{}', 'model.safetensors': null });
    // The newer download was broken off, the one before is whole.
    await snapshot('models--org--two', 'c1', { 'config.json': '{}', 'model.safetensors': 'x' });
    await snapshot('models--org--two', 'c2', { 'config.json': '{}' });
    await put('hub/models--org--two/refs/main', 'c2\n');
    await put('hub/datasets--org--data/snapshots/c1/config.json', '{}');
    await put('hub/models--../snapshots/c1/config.json', '{}');
    api = await startTestApp({ env: { HF_HOME: folder, MODELS_FILE: file } });
  });
  afterAll(async () => {
    await api.close();
    await rm(folder, { recursive: true });
  });

  async function put(name: string, content: string): Promise<void> {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }

  /** As the library of the hub lays it out: links to blobs; `null` is one that leads nowhere. */
  async function snapshot(repository: string, commit: string, files: Record<string, string | null>): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      const link = join(folder, 'hub', repository, 'snapshots', commit, name);
      const blob = join(folder, 'hub', repository, 'blobs', `${commit}-${name.replace('/', '-')}`);
      await mkdir(dirname(link), { recursive: true });
      await mkdir(dirname(blob), { recursive: true });
      if (content !== null) await writeFile(blob, content);
      await symlink(blob, link);
    }
  }

  it('should list what is built in, registered or whole in the cache of the hub, each once', async () => {
    const { body } = await api.send<ModelList>('GET /models');
    expect(body.data).toEqual([
      ...['tiny', 'tiny-text', 'tiny-image'].map((name) => ({ name, source: 'built-in' })),
      ...['our-model', 'org/known'].map((name) => ({ name, source: 'registry' })),
      ...['gpt2', 'org/pipeline', 'org/sharded', 'org/two', 'org/whole'].map((name) => ({ name, source: 'cache' })),
    ]);
  });

  it('should know where each lies', async () => {
    const models = api.app.get(BaseModelsService);
    const paths = [await models.get('Org/Whole'), await models.get('org/two'), await models.get('our-model')];
    expect(paths.map(({ path }) => path)).toEqual([
      join(folder, 'hub/models--org--whole/snapshots/c1'),
      join(folder, 'hub/models--org--two/snapshots/c1'),
      '/srv/ours',
    ]);
    for (const name of ['org/half', '../hub', 'org/broken', ''])
      await expect(models.get(name)).rejects.toMatchObject({ code: 'model_not_available' });
  });
});
