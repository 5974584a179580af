import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TRAINING_DEFAULTS, type TrainingDefaults } from '@influencerai/shared';
import { OTHER_TENANT, startTestApp, type TestApp } from './test-app.js';

let api: TestApp;
beforeAll(async () => void (api = await startTestApp()));
afterAll(() => api.close());

const patch = (body: object) => api.send<TrainingDefaults>('PATCH /config', { body });
const timeless = ({ createdAt: _, updatedAt: __, ...values }: TrainingDefaults) => values;

describe('/config', () => {
  it('should have values before anything was changed', async () => {
    const { status, body } = await api.send<TrainingDefaults>('GET /config');
    expect([status, timeless(body)]).toEqual([200, TRAINING_DEFAULTS]);
    expect(new Date(body.createdAt).getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('should change what is given, for this tenant alone', async () => {
    expect(timeless((await patch({ batchSize: 8 })).body)).toEqual({ ...TRAINING_DEFAULTS, batchSize: 8 });
    const { body } = await patch({ autoStartWorkers: true });
    expect(timeless(body)).toEqual({ ...TRAINING_DEFAULTS, batchSize: 8, autoStartWorkers: true });
    expect((await patch({ autoStartWorkers: false })).body.autoStartWorkers).toBe(false);
    expect((await patch({})).body.batchSize).toBe(8);
    const other = await api.send<TrainingDefaults>('GET /config', { tenant: OTHER_TENANT });
    expect(timeless(other.body)).toEqual(TRAINING_DEFAULTS);
  });

  it('should be as old after the first change as before', async () => {
    const tenant = OTHER_TENANT;
    const before = (await api.send<TrainingDefaults>('GET /config', { tenant })).body;
    const { body } = await api.send<TrainingDefaults>('PATCH /config', { tenant, body: { epochs: 4 } });
    expect([body.epochs, body.createdAt]).toEqual([4, before.createdAt]);
    expect(new Date(body.updatedAt).getTime()).toBeGreaterThanOrEqual(new Date(before.updatedAt).getTime());
  });

  it('should lose none of several changes at the same time', async () => {
    await Promise.all([patch({ epochs: 7 }), patch({ networkDim: 64 }), patch({ loraDropout: 0 })]);
    const { body } = await api.send<TrainingDefaults>('GET /config');
    expect([body.epochs, body.networkDim, body.loraDropout]).toEqual([7, 64, 0]);
  });

  it.each([{ epochs: 0 }, { learningRate: 2 }, { loraDropout: 1 }, { trainingType: 'rag' }, { surprise: 1 }])(
    'should refuse %j',
    async (body) => expect((await patch(body)).status).toBe(400),
  );
});
