import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Dataset, Job, Usage } from '@influencerai/shared';
import { DatasetRemovalsRepository } from '../src/uploads/dataset-removals.repository.js';
import { UploadSweeper } from '../src/uploads/upload-sweeper.js';
import { JobsFixture } from './jobs-fixture.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';

let api: TestApp;
beforeAll(async () => void (api = await startTestApp()));
afterAll(() => api.close());

const makeTexts = async (): Promise<Dataset> =>
  (await api.send<Dataset>('POST /datasets/texts', { body: { texts: ['one', 'two'] } })).body;

const usedBytes = async (): Promise<number> => (await api.send<Usage>('GET /usage')).body.storage.usedBytes;

/** Where the files of a dataset lie on this host. */
const folderOf = ({ path }: Dataset): string => join(api.folderOf(TENANT), path.slice('data/'.length));

const submitOn = ({ id: datasetId }: Dataset) =>
  api.send<Job>('POST /jobs', {
    body: { type: 'lora-training', payload: { datasetId, config: { modelName: 'tiny-text' } } },
  });

const remove = ({ id }: Dataset, tenant = TENANT) => api.send(`DELETE /datasets/${id}`, { tenant });

describe('DELETE /datasets/:id', () => {
  it('should take the files of an upload along and give their room back', async () => {
    const before = await usedBytes();
    const dataset = await makeTexts();
    expect([existsSync(folderOf(dataset)), (await usedBytes()) > before]).toEqual([true, true]);
    const { status, body } = await remove(dataset);
    expect([status, body]).toEqual([200, { success: true }]);
    expect([existsSync(folderOf(dataset)), await usedBytes()]).toEqual([false, before]);
    expect((await api.send(`GET /datasets/${dataset.id}`)).status).toBe(404);
  });

  it('should leave a folder that was there before', async () => {
    const { dataset } = await JobsFixture.create(api);
    expect((await remove(dataset)).status).toBe(200);
    expect([existsSync(folderOf(dataset)), (await api.send(`GET /datasets/${dataset.id}`)).status]).toEqual([
      true,
      404,
    ]);
  });

  it('should wait for active jobs, and leave those that are over as they were', async () => {
    const dataset = await makeTexts();
    const { body: job } = await submitOn(dataset);
    const refused = await remove(dataset);
    expect([refused.status, refused.problem.code, refused.problem.detail]).toEqual([
      409,
      'dataset_in_use',
      `Dataset ${dataset.id} is in use by 1 active job.`,
    ]);
    await api.send(`POST /jobs/${job.id}/cancel`);
    expect((await remove(dataset)).status).toBe(200);
    const { body } = await api.send<Job>(`GET /jobs/${job.id}`);
    expect([body.status, body.payload['datasetId']]).toEqual(['cancelled', dataset.id]);
    expect((await api.send(`POST /jobs/${job.id}/rerun`)).problem.code).toBe('dataset_not_found');
  });

  it('should not take a dataset from a project', async () => {
    const dataset = await makeTexts();
    const body = {
      name: 'Keeps it',
      baseModel: 'tiny-text',
      outputDirectory: 'data/projects/keeps-it',
      traits: [{ type: 'reasoning', datasets: [{ datasetId: dataset.id, percentage: 100 }] }],
    };
    expect((await api.send('POST /projects', { body })).status).toBe(201);
    expect((await remove(dataset)).problem.detail).toBe(`Dataset ${dataset.id} is in use by 1 project.`);
  });

  it('should answer as for one that does not exist when it is of another tenant', async () => {
    const dataset = await makeTexts();
    const { status, problem } = await remove(dataset, OTHER_TENANT);
    const unknown = await remove({ ...dataset, id: '0199d3a0-5a5e-7c3e-9d5c-000000000000' }, OTHER_TENANT);
    expect([status, problem.code]).toEqual([unknown.status, unknown.problem.code]);
    expect(status).toBe(404);
    expect((await remove({ ...dataset, id: 'no-id' })).status).toBe(404);
    expect((await api.send(`GET /datasets/${dataset.id}`)).status).toBe(200);
  });

  it('should leave no job without its dataset when it comes together with a submission', async () => {
    for (let time = 0; time < 10; time += 1) {
      const dataset = await makeTexts();
      const [removed, submitted] = await Promise.all([remove(dataset), submitOn(dataset)]);
      expect([
        [200, 404],
        [409, 201],
      ]).toContainEqual([removed.status, submitted.status]);
    }
  });

  it('should clean up after a process that died behind the row', async () => {
    const before = await usedBytes();
    const dataset = await makeTexts();
    await api.app.get(DatasetRemovalsRepository).remove(TENANT, dataset.id);
    expect([existsSync(folderOf(dataset)), (await api.send(`GET /datasets/${dataset.id}`)).status]).toEqual([
      true,
      404,
    ]);
    await api.app.get(UploadSweeper).sweep(0);
    expect([existsSync(folderOf(dataset)), await usedBytes()]).toEqual([false, before]);
  });
});

describe('PATCH /datasets/:id', () => {
  it('should keep what it is called in its meta', async () => {
    const { id } = await makeTexts();
    const patch = (body: object) => api.send<Dataset>(`PATCH /datasets/${id}`, { body });
    const { body } = await patch({ name: 'Letters', description: 'Two of them.' });
    expect(body.meta).toEqual({ name: 'Letters', description: 'Two of them.' });
    expect((await patch({ description: null })).body.meta).toEqual({ name: 'Letters' });
    expect((await patch({ name: '' })).status).toBe(400);
    expect((await api.send(`PATCH /datasets/${id}`, { tenant: OTHER_TENANT, body: { name: 'x' } })).status).toBe(404);
  });
});
