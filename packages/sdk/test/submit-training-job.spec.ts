import { describe, expect, it } from '@jest/globals';
import { submitTrainingJob, type TrainingJobConfig } from '../src/index.js';
import { sendJson, startServer } from './support/test-server.js';

const CONFIG: TrainingJobConfig = {
  dataset_id: 'my-dataset-id',
  name: 'My Training',
  type: 'lora',
  base_model: 'stabilityai/sdxl-base-1.0',
  config: { learning_rate: 1e-4, batch_size: 1, steps: 1000 },
  trigger_words: ['my-style'],
};

describe(submitTrainingJob, () => {
  it('should submit for the user and say under which id [000:example-typescript]', async () => {
    await using server = await startServer(() => ({
      success: true,
      job_id: 'j1',
      status: 'queued',
      message: 'Training job j1 queued',
    }));
    const result = await submitTrainingJob('user-id', CONFIG, { baseUrl: server.baseUrl });
    expect(result).toEqual({ success: true, jobId: 'j1', status: 'queued' });
    const [request] = server.received;
    expect(request).toMatchObject({ method: 'POST', path: '/api/training/submit' });
    expect(request?.headers.authorization).toBe('Bearer user-id');
    expect(JSON.parse(request?.body ?? '')).toEqual(CONFIG);
  });

  it('should send a key in place of the name where one is given', async () => {
    await using server = await startServer(() => ({ job_id: 'j1', status: 'running' }));
    await submitTrainingJob('user-id', CONFIG, { baseUrl: server.baseUrl, apiKey: 'iak_1' });
    expect(server.received[0]?.headers.authorization).toBe('Bearer iak_1');
  });

  it('should say what was wrong, with its details', async () => {
    await using server = await startServer((_, response) =>
      sendJson(response, 400, {
        error: 'Validation error',
        message: 'Request validation failed',
        details: ['steps must be an integer between 100 and 10000'],
      }),
    );
    expect(await submitTrainingJob('user-id', CONFIG, { baseUrl: server.baseUrl })).toEqual({
      success: false,
      error: 'Request validation failed: steps must be an integer between 100 and 10000',
    });
  });

  it('should say that nobody answers', async () => {
    const result = await submitTrainingJob('user-id', CONFIG, { baseUrl: 'http://127.0.0.1:1', maxRetries: 0 });
    expect(result).toEqual({ success: false, error: expect.any(String) });
  });
});
